import { createDecipheriv } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Bytes, SealedFile, VerifiedStream } from '../model/stages.ts';
import { CIPHER, deriveKey, MAGIC, SALT_BYTES, type SealOptions } from './cipher.ts';
import { coalesce } from './coalesce.ts';
import type { Passphrase } from './passphrase.ts';

const HEADER_BYTES = MAGIC.length + SALT_BYTES;
const BLOCK_BYTES = 16;

/** A part of what a sealed file holds, and the segments of the file in which it stands. */
export interface SealedPart {
  readonly start: number;
  readonly bytes: number;
  readonly firstSegment: number;
  readonly segments: number;
}

/**
 * What has to be read of `file` for `bytes` of its plaintext from `start` on. In CBC each block needs the ciphertext of
 * the one before it, and nothing else.
 */
export function sealedPart(file: SealedFile, start: number, bytes: number): SealedPart {
  const { segmentBytes } = file.segments;
  const from = chainedFrom(start);
  const to = Math.min(file.sealedBytes, HEADER_BYTES + Math.ceil((start + bytes) / BLOCK_BYTES) * BLOCK_BYTES);
  const firstSegment = Math.floor(from / segmentBytes);
  return { start, bytes, firstSegment, segments: Math.ceil(to / segmentBytes) - firstSegment };
}

/** Offset of the ciphertext that is needed first: the block before the first one, or the file's header. */
function chainedFrom(start: number): number {
  const block = Math.floor(start / BLOCK_BYTES);
  return block === 0 ? 0 : HEADER_BYTES + (block - 1) * BLOCK_BYTES;
}

/**
 * Decrypts a part of what `sealStream` or `openssl enc` made: `head` is the file's first 16 bytes, `source` its segments as
 * `part` names them, both verified. Throws `verification-failed` when they are not what they were said to be.
 */
export async function* openPart(
  head: Buffer,
  source: VerifiedStream,
  part: SealedPart,
  segmentBytes: number,
  passphrase: Passphrase,
  options: SealOptions,
): Bytes {
  if (head.length < HEADER_BYTES || !head.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw odd("it does not begin as openssl's do");
  }
  const derived = await deriveKey(passphrase, head.subarray(MAGIC.length, HEADER_BYTES), options);
  const from = chainedFrom(part.start);
  let skip = from - part.firstSegment * segmentBytes;
  let before: Buffer = Buffer.alloc(0);
  let decipher: ReturnType<typeof createDecipheriv> | undefined;
  // Of the first block, what stands before the part.
  let drop = part.start % BLOCK_BYTES;
  let left = part.bytes;
  for await (const chunk of coalesce(source)) {
    if (left === 0) return;
    let bytes: Buffer = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - bytes.length;
    if (!decipher) {
      // The header, or the block before the first one: the one as the other has 16 bytes.
      before = Buffer.concat([before, bytes]);
      if (before.length < BLOCK_BYTES) continue;
      const iv = from === 0 ? derived.iv : Buffer.from(before.subarray(0, BLOCK_BYTES));
      decipher = createDecipheriv(CIPHER, derived.key, iv).setAutoPadding(false);
      bytes = before.subarray(BLOCK_BYTES);
    }
    const opened = decipher.update(bytes);
    const wanted = opened.subarray(Math.min(drop, opened.length)).subarray(0, left);
    drop -= Math.min(drop, opened.length);
    left -= wanted.length;
    if (wanted.length > 0) yield wanted;
  }
  if (left > 0) throw odd('it ends too early');
}

function odd(why: string): CoffreError {
  return new CoffreError('verification-failed', `cannot open a part of the sealed file: ${why}`, {
    hint: 'take another copy of the run',
  });
}
