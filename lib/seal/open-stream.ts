import { createDecipheriv } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Bytes, VerifiedStream } from '../model/stages.ts';
import { CIPHER, deriveKey, MAGIC, SALT_BYTES, type SealOptions } from './cipher.ts';
import { coalesce } from './coalesce.ts';
import type { Passphrase } from './passphrase.ts';

const HEADER_BYTES = MAGIC.length + SALT_BYTES;

/**
 * Decrypts what `sealStream` or `openssl enc` made.
 *
 * A wrong passphrase shows only at the last block, and 1 time in 256 not even there: what comes before is noise.
 * A reader therefore MUST take the plaintext as real only once the stream has ended without an error and what it
 * carries (gzip, tar, the digests of the tables) has been found sound.
 *
 * Throws `verification-failed` when the form is not openssl's, `private-key` when the passphrase does not fit.
 */
export async function* openStream(source: VerifiedStream, passphrase: Passphrase, options: SealOptions): Bytes {
  const chunks = coalesce(source)[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    const head = first.done ? Buffer.alloc(0) : first.value;
    if (head.length < HEADER_BYTES || !head.subarray(0, MAGIC.length).equals(MAGIC)) {
      throw new CoffreError('verification-failed', "cannot open the sealed file: it does not begin as openssl's do", {
        hint: 'take another copy of the run',
      });
    }
    const { key, iv } = await deriveKey(passphrase, head.subarray(MAGIC.length, HEADER_BYTES), options);
    const decipher = createDecipheriv(CIPHER, key, iv);
    const opened = decipher.update(head.subarray(HEADER_BYTES));
    if (opened.length > 0) yield opened;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield decipher.update(next.value);
    const last = finish(() => decipher.final());
    if (last.length > 0) yield last;
  } finally {
    await chunks.return?.(undefined);
  }
}

function finish(final: () => Buffer): Buffer {
  try {
    return final();
  } catch (error) {
    throw new CoffreError('private-key', 'cannot open the sealed file: the passphrase of the run does not fit it', {
      hint: 'take the <recipient>.key.enc from the folder of this very run',
      cause: error,
    });
  }
}
