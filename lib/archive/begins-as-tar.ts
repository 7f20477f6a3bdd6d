import { gunzipSync, constants as zlib } from 'node:zlib';
import { Header } from 'tar';
import type { Compression } from '../model/compression.ts';

const BLOCK_BYTES = 512;
/** The first four bytes of a frame. Source: RFC 8878 section 3.1.1. */
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/**
 * Whether the beginning of a file is that of a tar, compressed or not (null): what was decrypted with another passphrase is noise, and
 * never has a header whose sum is right. Of zstd only the magic is looked at, which not every Node can look behind.
 */
export function beginsAsTar(beginning: Buffer, compression: Compression | null): boolean {
  switch (compression) {
    case 'zstd':
      return beginning.subarray(0, ZSTD_MAGIC.length).equals(ZSTD_MAGIC);
    case 'gzip':
      return isTarHeader(inflated(beginning));
    case null:
      return isTarHeader(beginning);
  }
}

function isTarHeader(bytes: Buffer): boolean {
  try {
    return bytes.length >= BLOCK_BYTES && new Header(bytes.subarray(0, BLOCK_BYTES), 0).cksumValid === true;
  } catch {
    return false; // numbers that are none
  }
}

/** As far as it goes: the rest of the file is missing. */
function inflated(beginning: Buffer): Buffer {
  try {
    return gunzipSync(beginning, { finishFlush: zlib.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}
