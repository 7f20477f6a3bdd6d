import { createHash } from 'node:crypto';
import type { Sha256 } from '../model/names.ts';
import type { Bytes } from '../model/stages.ts';

/**
 * Which of the segments do not have their digests, as indices of `digests`. `source` has these segments and nothing else:
 * it begins where the first of them does. One that is cut short differs, and so does one that is not there at all.
 *
 * `verifyStream` stops at the first one, and hands the bytes on. This tells all of them, for whoever wants to know what a
 * copy is worth and not what is in it; it keeps no byte.
 */
export async function differingSegments(
  source: Bytes,
  digests: readonly Sha256[],
  segmentBytes: number,
): Promise<readonly number[]> {
  const differing: number[] = [];
  let hash = createHash('sha256');
  let seen = 0;
  let index = 0;
  const close = () => {
    if (hash.digest('hex') !== digests[index]) differing.push(index);
    hash = createHash('sha256');
    seen = 0;
    index += 1;
  };
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.length; ) {
      const part = chunk.subarray(offset, offset + segmentBytes - seen);
      hash.update(part);
      seen += part.length;
      offset += part.length;
      if (seen === segmentBytes) close();
    }
  }
  if (seen > 0) close();
  for (; index < digests.length; index += 1) differing.push(index);
  return differing.filter((each) => each < digests.length);
}
