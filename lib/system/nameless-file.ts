import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A file with `content` that has no name any more, for a program that takes a secret from a file alone: nobody else can
 * open it, and a kill at any moment leaves nothing behind. It loses its name before anything is in it. The caller closes it.
 */
export async function openNamelessFile(content: Buffer): Promise<FileHandle> {
  const path = join(tmpdir(), `coffre-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    await file.writeFile(content);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
