import { createHash } from 'node:crypto';
import type { Sha256 } from '../model/names.ts';
import { asStage, type Bytes, type SealedStream, type VerifiedStream } from '../model/stages.ts';

type Sealed = SealedStream | VerifiedStream;

/** A sealed file that can be read again from any byte on: for an upload that goes on where an earlier one was cut. */
export interface Resumable {
  readonly segmentBytes: number;
  /** SHA-256 of each segment, in order. Of a file that is still being written it grows: a segment's is here before its last byte is handed on. */
  readonly segments: readonly Sha256[];
  /** null while nobody can know. */
  readonly sizeBytes: number | null;
  /** From byte `start` to the end. Ends with an error unless it was what `segments` say. */
  from(start: number): Sealed;
  /** Digest of the first bytes of a segment. */
  digestOf(segment: number, bytes: number): Promise<Sha256>;
}

/** Where a resumable file comes from: `open` reads it from the first byte of a segment to the end. */
export type ResumableSource = Pick<Resumable, 'segmentBytes' | 'segments' | 'sizeBytes'> & {
  open(segment: number): Sealed;
};

export function resumable({ segmentBytes, segments, sizeBytes, open }: ResumableSource): Resumable {
  return {
    ...{ segmentBytes, segments, sizeBytes },
    from(start) {
      if (start === sizeBytes && start > 0) return asStage<VerifiedStream>(nothing());
      return asStage<VerifiedStream>(after(open(Math.floor(start / segmentBytes)), start % segmentBytes));
    },
    async digestOf(segment, bytes) {
      const hash = createHash('sha256');
      let left = bytes;
      for await (const chunk of open(segment)) {
        hash.update(chunk.subarray(0, left));
        left -= Math.min(left, chunk.length);
        if (left === 0) break;
      }
      return hash.digest('hex') as Sha256;
    },
  };
}

/** A small file, of which `sha256` is to be over there. */
export function resumableBuffer(content: Buffer, sha256: Sha256): Resumable {
  return resumable({
    segmentBytes: Math.max(1, content.length),
    segments: content.length === 0 ? [] : [sha256],
    sizeBytes: content.length,
    open: () => asStage<VerifiedStream>(once(content)),
  });
}

async function* after(source: Bytes, skipped: number): Bytes {
  let left = skipped;
  for await (const chunk of source) {
    const rest = chunk.subarray(left);
    left -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}

async function* once(content: Buffer): Bytes {
  if (content.length > 0) yield content;
}

async function* nothing(): Bytes {}
