import { type FileHandle, open } from 'node:fs/promises';
import dotenv from 'dotenv';
import { CoffreError, errnoOf } from '../model/error.ts';
import { explained } from './explained.ts';
import { learnSecret } from './known-secrets.ts';

/** The secrets of one .env file, by name. No secret is ever in a message, a log or an environment. */
export interface Secrets {
  /** The value of `name`. Throws `not-found` with the name and the file. */
  secret(name: string): string;
  /** The same; undefined where the file does not set it. */
  optional(name: string): string | undefined;
}

const LIMIT_BYTES = 64 * 1024;
/** What people write beside a secret: whoever it is for, and where. */
const NO_SECRET = /_(USER|NAME|ID|HOST|ADDRESS|PORT|URL|FILE|PATH)$/;

/**
 * Reads a .env file, which only its owner may read (0600 or 0400). No file means no secrets: that is an error only
 * when one is asked for. Throws `refused` when others could read the file, too.
 */
export async function readSecrets(path: string): Promise<Secrets> {
  const values = parse((await readPrivately(path)) ?? '');
  const optional = (name: string) => values.get(name) || undefined;
  return {
    optional,
    secret(name) {
      const value = optional(name);
      if (value !== undefined) return value;
      throw new CoffreError('not-found', `cannot find the secret ${name}: ${path} does not set it`, {
        hint: `add a line ${name}=… to ${path}, and keep its mode 0600`,
      });
    },
  };
}

function parse(text: string): ReadonlyMap<string, string> {
  const values = new Map(Object.entries(dotenv.parse(text)));
  for (const [name, value] of values) if (!NO_SECRET.test(name)) learnSecret(value);
  return values;
}

/**
 * The text of a file with a secret in it, which only its owner may read; undefined where there is none. Mode and content come
 * from one open file, so that it cannot be exchanged in between. Throws `refused` when others could read it, too.
 */
export async function readPrivately(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw explained('read', path, error);
  }
  try {
    const { mode, size, uid } = await file.stat();
    const refuse = (why: string, hint: string) =>
      new CoffreError('refused', `cannot read the secrets in ${path}: ${why}`, { hint });
    if ((mode & 0o170000) !== 0o100000) throw refuse('it is not a file', `look at: ls -ld ${path}`);
    const self = process.getuid?.();
    if ((mode & 0o077) !== 0) {
      // Not to be used, and all the more not to be told: whoever has read them may say them.
      if ((uid === self || uid === 0) && size <= LIMIT_BYTES) parse(await file.readFile('utf8'));
      throw refuse('others than its owner can reach it', `run: chmod 600 ${path}`);
    }
    if (self !== undefined && uid !== self && uid !== 0) {
      throw refuse('it belongs to another user', `run: chown $(id -un) ${path}`);
    }
    if (size > LIMIT_BYTES) throw refuse('it is larger than 64 KiB', `look at: ls -l ${path}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
