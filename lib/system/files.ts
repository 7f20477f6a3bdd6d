import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { Sha256 } from '../model/names.ts';
import type { Bytes } from '../model/stages.ts';
import { explained } from './explained.ts';

/** What one call reads or writes: each is a trip to another thread and back, whatever its size. */
const BLOCK_BYTES = 256 * 1024;

/** Suffix of a file that is not finished. Only who follows its writer reads one; the next run removes it. */
export const PARTIAL = '.partial';

/**
 * Writes `content` under `path` so that it survives a power cut: temp name → write → fsync → rename → fsync the folder.
 * `mode` is that of the file from its first byte on. `onWritten` is told how many bytes of a stream are in the file,
 * under its temporary name (`PARTIAL`) until it is whole.
 */
export async function writeDurably(
  path: string,
  content: Bytes | string | Uint8Array,
  mode = 0o644,
  onWritten: (bytes: number) => void = () => undefined,
): Promise<void> {
  const temporary = `${path}${PARTIAL}`;
  await explain('write', path, async () => {
    await rm(temporary, { force: true });
    const handle = await open(temporary, 'wx', mode);
    try {
      if (typeof content === 'string' || content instanceof Uint8Array) await handle.writeFile(content);
      else await writeStream(handle, content, onWritten);
      await handle.sync();
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(temporary, { force: true });
      throw error;
    }
    await handle.close();
    await renameDurably(temporary, path);
  });
}

/** Copies a small file durably. */
export async function copyFile(from: string, to: string, mode = 0o644): Promise<void> {
  await writeDurably(to, await readRequired(from), mode);
}

/**
 * Writes a small file that is not there yet, and never over one that is: throws `refused`. Survives a power cut. Needs
 * neither links nor renames, so it works on a memory stick too; a write that fails leaves nothing.
 */
export async function createDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await explain('write', path, async () => {
    const handle = await open(path, 'wx', mode).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
      throw new CoffreError('refused', `cannot write ${path}: it is there already`, {
        hint: `it is never overwritten: choose another name, or move it away yourself: ls -l ${path}`,
      });
    });
    try {
      await handle.writeFile(content);
      await handle.sync();
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(path, { force: true });
      throw error;
    }
    await handle.close();
    await syncFolder(dirname(path));
  });
}

/** Renames and makes the new name survive a power cut. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await explain('rename', from, async () => {
    await rename(from, to);
    await syncFolder(dirname(to));
  });
}

/** Makes a folder and its parents survive a power cut. An existing folder is left as it is. */
export async function makeFolder(path: string, mode = 0o755): Promise<void> {
  await explain('make the folder', path, () => makeMissing(resolve(path), mode));
}

/** One folder at a time: Node's own way of making parents never ends where the kernel says ENOENT whatever is there, as in /proc. */
async function makeMissing(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST' && (await isFolder(path))) return;
    const parent = dirname(path);
    if (errno !== 'ENOENT' || parent === path || (await isFolder(parent))) throw error;
    await makeMissing(parent, mode);
    return await makeMissing(path, mode);
  }
  await syncFolder(dirname(path));
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
  return found?.isDirectory() ?? false;
}

/** Removes a file or a whole folder; what is not there is removed already. */
export async function removeDurably(path: string): Promise<void> {
  await explain('remove', path, async () => {
    await rm(path, { recursive: true, force: true });
    await syncFolder(dirname(path)).catch((error) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  });
}

/** Makes the entries of a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The content of a small file, or undefined when there is none. Only ENOENT means absent. */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw explained('read', path, error);
  }
}

/** The content of a small file that has to be there. */
export async function readRequired(path: string, hint?: string): Promise<Buffer> {
  const content = await readIfPresent(path);
  if (content) return content;
  throw new CoffreError('not-found', `cannot read ${path}: there is no such file`, hint === undefined ? {} : { hint });
}

/** Whether something is there. Throws rather than guess when the file system does not answer. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw explained('look at', path, error);
  }
}

/** Bytes that this process may still write where `path` is; undefined when that cannot be looked at. */
export async function freeSpace(path: string): Promise<number | undefined> {
  const found = await statfs(path).catch(() => undefined);
  return found && found.bavail * found.bsize;
}

/** A file from `start` on, in chunks, at most `bytes` of it. Each chunk is in the memory of the one before. */
export async function* readStream(path: string, start = 0, bytes = Number.POSITIVE_INFINITY): Bytes {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw explained('read', path, error);
  });
  try {
    const { size } = await handle.stat().catch((error: unknown) => {
      throw explained('look at', path, error);
    });
    const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(BLOCK_BYTES, size, bytes)));
    let left = bytes;
    let position = start;
    while (left > 0) {
      const { bytesRead } = await handle
        .read(buffer, 0, Math.min(left, buffer.length), position)
        .catch((error: unknown) => {
          throw explained('read', path, error);
        });
      if (bytesRead === 0) return;
      position += bytesRead;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    // A volume that could not read a file may not close it either, and why it could not tells more.
    await handle.close().catch(() => undefined);
  }
}

export function sha256Of(content: string | Uint8Array): Sha256 {
  return createHash('sha256').update(content).digest('hex') as Sha256;
}

/** Gathers the chunks in blocks, and fills one while the other is being written. */
async function writeStream(handle: FileHandle, content: Bytes, onWritten: (bytes: number) => void): Promise<void> {
  const blocks = [Buffer.allocUnsafeSlow(BLOCK_BYTES), Buffer.allocUnsafeSlow(BLOCK_BYTES)] as const;
  let [block, other] = blocks;
  let filled = 0;
  let written = 0;
  let writing: Promise<{ readonly error: unknown } | undefined> = Promise.resolve(undefined);
  const flush = async () => {
    const failed = await writing;
    if (failed) throw failed.error;
    const bytes = filled;
    writing = writeAll(handle, block.subarray(0, bytes)).then(
      () => {
        written += bytes;
        onWritten(written);
        return undefined;
      },
      (error: unknown) => ({ error }),
    );
    [block, other] = [other, block];
    filled = 0;
  };
  try {
    for await (const chunk of content) {
      for (let offset = 0; offset < chunk.length; ) {
        const copied = chunk.copy(block, filled, offset);
        filled += copied;
        offset += copied;
        if (filled === block.length) await flush();
      }
    }
    await flush();
  } finally {
    await writing; // nothing may be under way when the file is closed
  }
  const failed = await writing;
  if (failed) throw failed.error;
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  let offset = 0;
  while (offset < chunk.length) offset += (await handle.write(chunk, offset)).bytesWritten;
}

async function explain<T>(verb: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw explained(verb, path, error);
  }
}
