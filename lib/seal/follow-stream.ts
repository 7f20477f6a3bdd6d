import { createHash } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Sha256 } from '../model/names.ts';
import { asStage, type Bytes, type VerifiedStream } from '../model/stages.ts';

/** A sealed file that is still being written, as a reader behind its writer sees it. */
export interface GrowingFile {
  /** Name for the error message. */
  readonly file: string;
  readonly segmentBytes: number;
  /** The digests of what the writer was given, in order. Grows: that of a segment is here before it is on the disk. */
  readonly segments: readonly Sha256[];
  /** How many bytes are on the disk, as soon as there are `bytes` or all there will be. Throws when the writer fails. */
  reach(bytes: number): Promise<number>;
  /** What is on the disk. */
  read(start: number, bytes: number): Bytes;
}

/**
 * A growing file from the first byte of segment `first` to its last, behind its writer. A segment is read once it is there as a whole, and
 * compared with the digest that the writer had for it. Its bytes pass as they are read, the last ones only when it is what
 * was meant to be written: whoever takes them MUST keep nothing of a stream that has not ended well. Nothing is read
 * ahead: a slow reader costs no memory, and the writer nothing.
 *
 * Throws `verification-failed` on a changed byte, on too few bytes and on too many, and what `reach` throws.
 */
export function followStream(growing: GrowingFile, first = 0): VerifiedStream {
  return asStage<VerifiedStream>(follow(growing, first));
}

async function* follow({ file, segmentBytes, segments, reach, read }: GrowingFile, first: number): Bytes {
  const fail = (why: string) =>
    new CoffreError('verification-failed', `cannot trust ${file}: ${why}`, {
      hint: 'something else writes to the export, or its disk is failing: look at dmesg | tail',
    });
  let seenBytes = first * segmentBytes;
  for (let index = first; ; index += 1) {
    const end = Math.min(seenBytes + segmentBytes, await reach(seenBytes + segmentBytes));
    if (seenBytes === end) break;
    const hash = createHash('sha256');
    for await (const chunk of read(seenBytes, end - seenBytes)) {
      hash.update(chunk);
      seenBytes += chunk.length;
      if (seenBytes === end && hash.digest('hex') !== segments[index]) {
        throw fail(`segment ${index + 1} differs from what was written`);
      }
      yield chunk;
    }
    if (seenBytes < end) throw fail(`it ends after ${seenBytes} bytes, and more were written`);
  }
  for await (const _more of read(seenBytes, 1)) throw fail(`it is longer than its ${seenBytes} bytes`);
}
