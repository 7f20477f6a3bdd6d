import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { HashedName } from '../model/names.ts';
import { makeFolder, readIfPresent, writeDurably } from '../system/files.ts';
import { Hidden } from './hidden.ts';

const FORM = /^([0-9a-f]{64})\n?$/;
const KEY_BYTES = 32;
const HASH_DIGITS = 32;

/**
 * The key of a host by which it hashes the names of databases and tables: 32 random bytes, as 64 hex digits in a file of its
 * own. The same name has the same hash for as long as the key stays, which is what makes runs comparable.
 *
 * Holds its bytes in private: printed, logged, inspected or put into JSON it says only what it is.
 */
export class NamesKey extends Hidden {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    super('key of the names');
    this.#bytes = bytes;
  }

  /** From the text of its file; undefined when that is none. */
  static parse(text: string): NamesKey | undefined {
    const digits = FORM.exec(text)?.[1];
    return digits === undefined ? undefined : new NamesKey(Buffer.from(digits, 'hex'));
  }

  /**
   * What is published in the place of `name`: `h-` and the first half of its HMAC-SHA256 (RFC 2104), in hex. By hand:
   * `printf %s NAME | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY`.
   */
  hash(name: string): HashedName {
    const digest = createHmac('sha256', this.#bytes).update(name, 'utf8').digest('hex');
    return `h-${digest.slice(0, HASH_DIGITS)}` as HashedName;
  }
}

/** Where the key stands on a host. */
export function namesKeyPath(settingsFolder: string): string {
  return join(settingsFolder, 'names.key');
}

/**
 * The key of the host, made when there is none. One that is there is never replaced, or no run could be compared with those
 * before it: throws `refused` when it cannot be used.
 */
export async function ensureNamesKey(settingsFolder: string): Promise<NamesKey> {
  const path = namesKeyPath(settingsFolder);
  if ((await readIfPresent(path)) === undefined) {
    await makeFolder(settingsFolder, 0o700);
    await writeDurably(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`, 0o600);
  }
  const key = NamesKey.parse((await readIfPresent(path))?.toString('latin1') ?? '');
  if (key) return key;
  throw new CoffreError('refused', `cannot hash names by ${path}: it is not 64 hex digits, and it is never replaced`, {
    hint: `bring it back from where it was kept, or move it away to have a new one made: mv ${path} ${path}.old`,
  });
}
