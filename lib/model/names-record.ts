import * as z from 'zod';
import { HashedName, Sha256 } from './names.ts';
import { Bytes, FileName } from './record-parts.ts';

/** What a manifest says of its names where these are not those of the server. */
export const NamesRecord = z.strictObject({
  kind: z
    .literal('hashed')
    .describe('Each name of a database or a table is h- and half its HMAC-SHA256 by a key of the host, in hex'),
  file: FileName.describe("File in the run's folder with the real name for each hash, sealed as the archives are"),
  sealedBytes: Bytes.describe('Size of that file'),
  sha256: Sha256.describe('SHA-256 of that file'),
});
export type NamesRecord = z.infer<typeof NamesRecord>;

/** What of a manifest has names of databases, or is named by them. */
interface Named {
  readonly database: string | null;
  readonly file: string;
  readonly segments: { readonly file: string };
  readonly notPointInTime?: readonly { readonly table: string }[] | undefined;
}

/**
 * Whether no real name is in it. One in a manifest that says it has none would have been let out by mistake: such a
 * manifest is none.
 */
export function hasHashesAlone(
  archives: readonly Named[],
  positions: readonly { readonly table: string | null }[] = [],
): boolean {
  return archives.every(hidesNames) && positions.every(({ table }) => isHidden(table));
}

function hidesNames({ database, file, segments, notPointInTime = [] }: Named): boolean {
  const stem = `${database ?? '@accounts'}.`;
  const filesFit = [file, segments.file].every((name) => name.startsWith(stem));
  return isHidden(database) && filesFit && notPointInTime.every(({ table }) => isHidden(table));
}

function isHidden(name: string | null): boolean {
  return name === null || HashedName.safeParse(name).success;
}
