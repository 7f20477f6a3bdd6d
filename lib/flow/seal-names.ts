import type { NamesRecord } from '../model/names-record.ts';
import { ITERATIONS } from '../seal/cipher.ts';
import type { NamesKey } from '../seal/names-key.ts';
import { encodeNamesList } from '../seal/names-list.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { sealSmall } from '../seal/small-file.ts';
import { sha256Of } from '../system/files.ts';
import { NAMES_FILE } from './run-files.ts';

/** The file with the real names of a run, and what the manifest says of it. */
export interface SealedNames {
  readonly record: NamesRecord;
  readonly content: Buffer;
}

/** What stands for a name in all that is published: its hash, or without a key the name itself. */
export function publishedName<Name extends string>(key: NamesKey | null, name: Name): Name {
  return key === null ? name : (key.hash(name) as string as Name);
}

/** `names`: every name that the manifest has a hash of. */
export async function sealNames(key: NamesKey, names: Iterable<string>, passphrase: Passphrase): Promise<SealedNames> {
  const list = new Map([...names].map((name) => [key.hash(name), name]));
  const content = await sealSmall(encodeNamesList(list), passphrase, { iterations: ITERATIONS });
  const record = { kind: 'hashed' as const, file: NAMES_FILE, sealedBytes: content.length, sha256: sha256Of(content) };
  return { record, content };
}
