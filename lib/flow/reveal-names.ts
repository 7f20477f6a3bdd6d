import { CoffreError } from '../model/error.ts';
import type { Manifest, RevealedManifest } from '../model/manifest.ts';
import { DatabaseName } from '../model/names.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import { parseNamesList } from '../seal/names-list.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { openSmall } from '../seal/small-file.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';

/**
 * A manifest with the real names of its databases and tables, out of the list that lies beside this copy; files keep the names
 * that they have. A manifest whose names are plain is what it is. Throws `verification-failed` when the copy lacks the
 * list, or the list is not that of exactly these hashes.
 */
export async function revealNames(
  manifest: Manifest,
  reader: RunReader,
  passphrase: Passphrase,
): Promise<RevealedManifest> {
  if (!manifest.names) return manifest as RevealedManifest;
  const { file } = manifest.names;
  const refuse = (why: string) =>
    new CoffreError('verification-failed', `cannot tell the databases of ${reader.where}: ${why}`, {
      hint: 'take another copy of the run: npx zx tasks/list.ts',
    });
  const sealed = await readSmall(reader, file);
  if (!sealed) throw refuse(`${file} is missing`);
  const iterations = manifest.encryption?.iterations ?? ITERATIONS;
  const names: ReadonlyMap<string, string> = parseNamesList(
    await openSmall(sealed, manifest.names, passphrase, { iterations }),
  );
  const left = new Set(names.keys());
  const real = (hash: string): string => {
    const name = names.get(hash);
    if (name === undefined) throw refuse(`${file} has no name for ${hash}`);
    left.delete(hash);
    return name;
  };
  const { archives, snapshot } = manifest;
  const revealed = {
    ...manifest,
    archives: archives.map(({ database, notPointInTime, ...archive }) => ({
      ...archive,
      database: database === null ? null : DatabaseName.parse(real(database)),
      ...(notPointInTime && {
        notPointInTime: notPointInTime.map(({ table, engine }) => ({ table: real(table), engine })),
      }),
    })),
    snapshot: snapshot && {
      ...snapshot,
      ...(snapshot.positions && {
        positions: snapshot.positions.map((each) => ({
          ...each,
          table: each.table === null ? null : real(each.table),
        })),
      }),
    },
  };
  const [strange] = left;
  if (strange !== undefined) throw refuse(`${file} has a name for ${strange}, which the manifest has not`);
  return revealed as Manifest as RevealedManifest;
}
