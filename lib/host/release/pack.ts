import { createGzip } from 'node:zlib';
import { Header } from 'tar';
import { CoffreError } from '../../model/error.ts';
import type { Bytes } from '../../model/stages.ts';
import { readStream } from '../../system/files.ts';
import { through } from '../../system/pipes.ts';

/** A file on its way into a release: its bytes, or the path of a large one. */
export interface PackedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly executable: boolean;
  readonly content: Uint8Array | { readonly from: string };
}

const BLOCK_BYTES = 512;

/**
 * The files as a `.tar.gz`, in their order, root's and of the year 1970. The same files give the same tar on every
 * machine, and the same bytes around it wherever zlib is the same.
 */
export function pack(files: readonly PackedFile[]): Bytes {
  return through(createGzip({ level: 6, chunkSize: 256 * 1024 }), tarOf(files), (error) => error);
}

async function* tarOf(files: readonly PackedFile[]): Bytes {
  for (const { path, sizeBytes, executable, content } of files) {
    yield headerOf(path, sizeBytes, executable);
    if (content instanceof Uint8Array) yield Buffer.from(content);
    else yield* readStream(content.from);
    yield Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function headerOf(path: string, size: number, executable: boolean): Buffer {
  const header = new Header({
    path,
    size,
    mode: executable ? 0o755 : 0o644,
    type: 'File',
    uid: 0,
    gid: 0,
    uname: 'root',
    gname: 'root',
    mtime: new Date(0),
  });
  const block = Buffer.alloc(BLOCK_BYTES);
  if (header.encode(block, 0)) throw new CoffreError('unexpected', `cannot pack ${path}: its name is too long for tar`);
  return block;
}
