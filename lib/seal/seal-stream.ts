import { createCipheriv, randomBytes } from 'node:crypto';
import { type ArchiveStream, asStage, type Bytes, type SealedStream, type TarStream } from '../model/stages.ts';
import { CIPHER, deriveKey, MAGIC, SALT_BYTES, type SealOptions } from './cipher.ts';
import { coalesce } from './coalesce.ts';
import type { Passphrase } from './passphrase.ts';

/**
 * Encrypts an archive or a day archive so that `openssl enc -d` opens it. The format does not authenticate:
 * that is what the digests in the signed manifest are for, and why only a VerifiedStream can be opened.
 */
export function sealStream(
  source: ArchiveStream | TarStream,
  passphrase: Passphrase,
  options: SealOptions,
): SealedStream {
  return asStage<SealedStream>(encrypt(source, passphrase, options));
}

async function* encrypt(source: Bytes, passphrase: Passphrase, options: SealOptions): Bytes {
  const salt = randomBytes(SALT_BYTES);
  const { key, iv } = await deriveKey(passphrase, salt, options);
  const cipher = createCipheriv(CIPHER, key, iv);
  yield Buffer.concat([MAGIC, salt]);
  for await (const chunk of coalesce(source)) yield cipher.update(chunk);
  yield cipher.final();
}
