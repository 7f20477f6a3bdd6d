import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import type { Passphrase } from './passphrase.ts';

/*
 * The format of `openssl enc -aes-256-cbc -md sha256 -pbkdf2 -iter N`: the magic, a salt of 8 bytes, the ciphertext.
 * PBKDF2 gives 48 bytes: the key, then the IV. Source: openssl-enc(1).
 */

export const MAGIC = Buffer.from('Salted__', 'latin1');
export const SALT_BYTES = 8;
export const CIPHER = 'aes-256-cbc';

/**
 * openssl's own default. Iterations make the guessing of a *weak* passphrase slow; ours has 256 random bits, which
 * no number of guesses exhausts, so more of them would only delay the restore of a server with many databases.
 */
export const ITERATIONS = 10_000;

export interface SealOptions {
  /** Iterations of PBKDF2: the `-iter` of openssl, and `encryption.iterations` of the manifest. */
  readonly iterations: number;
}

const derive = promisify(pbkdf2);

/** Key and IV of one sealed file. Every file has a salt of its own, so no two share them. */
export async function deriveKey(
  passphrase: Passphrase,
  salt: Buffer,
  { iterations }: SealOptions,
): Promise<{ key: Buffer; iv: Buffer }> {
  const bytes = await derive(passphrase.reveal(), salt, iterations, 48, 'sha256');
  return { key: bytes.subarray(0, 32), iv: bytes.subarray(32) };
}
