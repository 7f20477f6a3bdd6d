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
 * A growing file from its first byte to its last, behind its writer. A segment is read once it is there as a whole, and
 * passes only when it has the digest that the writer had for it, so that nothing but what was meant to be written
 * leaves the host. Between segments nothing is read ahead: a slow reader costs one segment of memory, and the writer
 * nothing.
 *
 * Throws `verification-failed` on a changed byte, on too few bytes and on too many, and what `reach` throws.
 */
export function followStream(growing: GrowingFile): VerifiedStream {
  return asStage<VerifiedStream>(follow(growing));
}

async function* follow({ file, segmentBytes, segments, reach, read }: GrowingFile): Bytes {
  const fail = (why: string) =>
    new CoffreError('verification-failed', `cannot trust ${file}: ${why}`, {
      hint: 'something else writes to the export, or its disk is failing: look at dmesg | tail',
    });
  const segment = Buffer.allocUnsafeSlow(segmentBytes);
  let seenBytes = 0;
  for (let index = 0; ; index += 1) {
    const bytes = Math.min(segmentBytes, (await reach(seenBytes + segmentBytes)) - seenBytes);
    if (bytes === 0) break;
    let filled = 0;
    const hash = createHash('sha256');
    for await (const chunk of read(seenBytes, bytes)) {
      hash.update(chunk);
      filled += chunk.copy(segment, filled);
    }
    seenBytes += filled;
    if (filled < bytes) throw fail(`it ends after ${seenBytes} bytes, and more were written`);
    if (hash.digest('hex') !== segments[index]) throw fail(`segment ${index} differs from what was written`);
    yield segment.subarray(0, filled);
  }
  for await (const _more of read(seenBytes, 1)) throw fail(`it is longer than its ${seenBytes} bytes`);
}
