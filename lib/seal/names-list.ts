import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { HashedName } from '../model/names.ts';

/** The size of the file says how many names there are no more precisely than this. */
const STEP_BYTES = 4096;

const NamesList = z.record(
  HashedName,
  z
    .string()
    .min(1)
    .max(256)
    .refine((name) => !name.includes('\0')),
);

/** What a terminal would act on, or not show. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * The real name for each hash, as JSON with a name a line. Filled up to whole steps by carriage returns: they are white
 * space to JSON, and a terminal on which this is printed shows nothing of them.
 */
export function encodeNamesList(names: ReadonlyMap<HashedName, string>): Buffer {
  const sorted = [...names].sort(([, a], [, b]) => (a < b ? -1 : 1));
  const lines = sorted.map(([hash, name]) => `  ${JSON.stringify(hash)}: ${quoted(name)}`);
  const text = Buffer.from(`{\n${lines.join(',\n')}\n}\n`);
  const filling = (STEP_BYTES - (text.length % STEP_BYTES)) % STEP_BYTES;
  return Buffer.concat([text, Buffer.alloc(filling, '\r')]);
}

/** Reads what `encodeNamesList` wrote. Throws `verification-failed`, also where two hashes have the same name. */
export function parseNamesList(bytes: Buffer): ReadonlyMap<HashedName, string> {
  const parsed = NamesList.safeParse(parseJson(bytes.toString('utf8')));
  const names = new Map(Object.entries(parsed.data ?? {}) as [HashedName, string][]);
  if (parsed.success && new Set(names.values()).size === names.size) return names;
  throw new CoffreError('verification-failed', 'cannot read the names of the databases: they are not in their form', {
    hint: 'take another run: npx zx tasks/list.ts',
  });
}

function quoted(name: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(name).replace(UNSEEN, (character) => character.split('').map(escaped).join(''));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
