import { mkdir, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { sha256Of } from '../system/files.ts';

/** As root, sshd does not start, and later lets nobody in, without this folder. A service manager makes it. */
const FOLDER = '/run/sshd';
const MARK = 'coffre-';

/**
 * Sees to it that /run/sshd is there while the server of `folder` runs as root. What nobody made is made here, with a
 * mark inside for each server that uses it; a folder without such a mark belongs to the system and is left alone.
 */
export async function holdPrivilegeSeparation(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  for (;;) {
    const marks = await readdir(FOLDER).catch(absent);
    if (marks && !marks.some((name) => name.startsWith(MARK))) return;
    if (marks) {
      if (await done(writeFile(markOf(folder), ''))) return;
    } else {
      await mkdir('/run', { recursive: true });
      const made = await mkdtemp(`${FOLDER}.`); // mode 0700, which sshd takes as well as 0755
      await writeFile(join(made, markNameOf(folder)), '');
      if (await done(rename(made, FOLDER))) return;
      await rm(made, { recursive: true });
    }
  }
}

/** Takes this server's mark away, and the folder with the last mark. */
export async function releasePrivilegeSeparation(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const marks = await readdir(FOLDER).catch(absent);
  if (!marks?.includes(markNameOf(folder))) return;
  await rm(markOf(folder));
  await rmdir(FOLDER).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'ENOENT') throw error;
  });
}

function markNameOf(folder: string): string {
  return `${MARK}${sha256Of(folder).slice(0, 16)}`;
}

function markOf(folder: string): string {
  return join(FOLDER, markNameOf(folder));
}

function absent(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

/** False when another server was faster: then the look at the folder has to be repeated. */
async function done(act: Promise<void>): Promise<boolean> {
  try {
    await act;
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}
