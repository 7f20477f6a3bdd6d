import type { Bytes } from '../model/stages.ts';

/** Each call into OpenSSL costs some microseconds: under this size of chunk they add up to more than the cipher. */
const ENOUGH_BYTES = 32 * 1024;

/** `source` with runs of small chunks joined. Large chunks pass through without a copy; the bytes stay the same. */
export async function* coalesce(source: Bytes): Bytes {
  let small: Buffer[] = [];
  let smallBytes = 0;
  for await (const chunk of source) {
    if (smallBytes === 0 && chunk.length >= ENOUGH_BYTES) {
      yield chunk;
      continue;
    }
    small.push(chunk);
    smallBytes += chunk.length;
    if (smallBytes < ENOUGH_BYTES) continue;
    yield Buffer.concat(small, smallBytes);
    small = [];
    smallBytes = 0;
  }
  if (smallBytes > 0) yield Buffer.concat(small, smallBytes);
}
