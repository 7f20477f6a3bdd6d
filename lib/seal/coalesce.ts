import type { Bytes } from '../model/stages.ts';

/**
 * Each call into OpenSSL costs some microseconds, so that small chunks take longer to call than to encrypt; large ones do
 * not fit into the processor's cache, and what comes out of them is memory that the allocator hands back every time.
 */
const CHUNK_BYTES = 64 * 1024;
const ENOUGH_BYTES = CHUNK_BYTES / 2;

/** The bytes of `source` in chunks of 32 to 64 KiB; only the last one may be smaller. */
export async function* coalesce(source: Bytes): Bytes {
  const joined = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let joinedBytes = 0;
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.length; ) {
      const part = chunk.subarray(offset, offset + CHUNK_BYTES - joinedBytes);
      offset += part.length;
      if (joinedBytes === 0 && part.length >= ENOUGH_BYTES) {
        yield part; // as it is, without a copy
        continue;
      }
      part.copy(joined, joinedBytes);
      joinedBytes += part.length;
      if (joinedBytes < ENOUGH_BYTES) continue;
      yield joined.subarray(0, joinedBytes);
      joinedBytes = 0;
    }
  }
  if (joinedBytes > 0) yield joined.subarray(0, joinedBytes);
}
