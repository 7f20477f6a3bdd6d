import { createHash, type Hash } from 'node:crypto';
import type { Sha256 } from '../model/names.ts';
import { SEGMENT_BYTES } from '../model/segments.ts';
import { asStage, type Bytes, type SealedStream } from '../model/stages.ts';

/** What the manifest and the side file say of a sealed file. */
export interface StreamDigest {
  readonly sealedBytes: number;
  readonly sha256: Sha256;
  /** SHA-256 of each segment in order; none for an empty file. */
  readonly segments: readonly Sha256[];
}

export interface DigestedStream {
  /** The very same chunks as the source's, to be read once. */
  readonly stream: SealedStream;
  /** Of the segments that went through so far: each is here before its last bytes are handed on. */
  readonly segments: readonly Sha256[];
  /** What went through. Throws while the stream has not been read to its end. */
  digest(): StreamDigest;
}

/** Hashes a sealed stream on its way to the disk: as a whole, and each segment of `segmentBytes`. */
export function digestStream(source: SealedStream, segmentBytes: number = SEGMENT_BYTES): DigestedStream {
  let result: StreamDigest | undefined;
  const segments: Sha256[] = [];
  async function* pass(): Bytes {
    const whole = createHash('sha256');
    let segment = createHash('sha256');
    let sealedBytes = 0;
    for await (const chunk of source) {
      whole.update(chunk);
      for (let offset = 0; offset < chunk.length; ) {
        const take = Math.min(chunk.length - offset, segmentBytes - (sealedBytes % segmentBytes));
        segment.update(chunk.subarray(offset, offset + take));
        offset += take;
        sealedBytes += take;
        if (sealedBytes % segmentBytes !== 0) continue;
        segments.push(hexOf(segment));
        segment = createHash('sha256');
      }
      yield chunk;
    }
    if (sealedBytes % segmentBytes !== 0) segments.push(hexOf(segment));
    result = { sealedBytes, sha256: hexOf(whole), segments };
  }
  return {
    stream: asStage<SealedStream>(pass()),
    segments,
    digest() {
      if (result) return result;
      throw new Error('the digest of a stream that has not been read to its end');
    },
  };
}

function hexOf(hash: Hash): Sha256 {
  return hash.digest('hex') as Sha256;
}
