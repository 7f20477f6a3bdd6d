import { createHash } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Sha256 } from '../model/names.ts';
import { asStage, type Bytes, type VerifiedStream } from '../model/stages.ts';

/** What the signed manifest, and the side file that it vouches for, say of a sealed file. */
export interface Expected {
  /** Name for the error message. */
  readonly file: string;
  readonly sealedBytes: number;
  readonly segmentBytes: number;
  /** As `parseSegments` returned them: checked against the manifest. */
  readonly segments: readonly Sha256[];
  /** Of a part of a file: how many segments stand before it, and how many the whole file has. In messages they are counted from 1 on. */
  readonly partOf?: { readonly first: number; readonly total: number };
}

/**
 * When the bytes of a segment pass: `verified`, once its digest has matched, so that nothing altered reaches a cipher, let
 * alone a database; that costs the memory of a segment. `watched`, as they come, but for the last ones: for whoever
 * keeps nothing of a stream that has not ended well, such as a copy under a temporary name.
 */
export type Passing = 'verified' | 'watched';

/**
 * Checks a sealed file while it is read: a stream that has ended was what the manifest says.
 *
 * The manifest vouches for the list of segments, and the list for every byte and for their number and order. The digest
 * of the whole would say the same again for as much work: it is there for those who have nothing but sha256sum.
 *
 * Throws `verification-failed` on a changed byte, on too few bytes and on too many.
 */
export function verifyStream(source: Bytes, expected: Expected, passing: Passing = 'verified'): VerifiedStream {
  return asStage<VerifiedStream>(verify(source, expected, passing));
}

async function* verify(
  source: Bytes,
  { file, sealedBytes, segmentBytes, segments, partOf = { first: 0, total: segments.length } }: Expected,
  passing: Passing,
): Bytes {
  const fail = (why: string) =>
    new CoffreError('verification-failed', `cannot trust ${file}: ${why}`, {
      hint: 'take another copy of the run; sha256sum -c SHA256SUMS in its folder tells which files differ',
    });
  const held = passing === 'watched' ? undefined : Buffer.allocUnsafeSlow(Math.min(segmentBytes, sealedBytes));
  let hash = createHash('sha256');
  let segmentSeen = 0;
  let index = 0;
  let seenBytes = 0;

  for await (const chunk of source) {
    if (seenBytes + chunk.length > sealedBytes) throw fail(`it is longer than its ${sealedBytes} bytes`);
    for (let offset = 0; offset < chunk.length; ) {
      const part = chunk.subarray(offset, offset + segmentBytes - segmentSeen);
      held?.set(part, segmentSeen);
      hash.update(part);
      segmentSeen += part.length;
      seenBytes += part.length;
      offset += part.length;
      if (segmentSeen === segmentBytes || seenBytes === sealedBytes) {
        if (hash.digest('hex') !== segments[index]) {
          throw fail(`segment ${partOf.first + index + 1} of ${partOf.total} differs`);
        }
        if (held) yield held.subarray(0, segmentSeen);
        hash = createHash('sha256');
        segmentSeen = 0;
        index += 1;
      }
      if (!held) yield part;
    }
  }
  if (seenBytes < sealedBytes) throw fail(`it ends after ${seenBytes} of ${sealedBytes} bytes`);
}
