import { createGunzip } from 'node:zlib';
import type { Compression } from '../model/compression.ts';
import type { Bytes } from '../model/stages.ts';
import { filter, through } from '../system/pipes.ts';
import { requireProgram } from '../system/programs.ts';

/**
 * What was compressed, as a stream. Throws what `bytes` throws, what `damaged` returns when it is not whole, and
 * `program-missing` for zstd where its program is not here: Node reads zstd by itself only from 22.15 on.
 */
export function decompress(bytes: Bytes, compression: Compression, damaged: () => Error): Bytes {
  switch (compression) {
    case 'gzip':
      return through(createGunzip({ chunkSize: 256 * 1024 }), bytes, damaged);
    case 'zstd':
      return filter(requireProgram('zstd'), ['-d', '-q', '-c'], bytes, damaged);
  }
}

/** Throws `program-missing` when what `decompress` needs is not here: to be called before anything is dropped. */
export function assertCanDecompress(compressions: Iterable<Compression>): void {
  if ([...compressions].includes('zstd')) requireProgram('zstd');
}
