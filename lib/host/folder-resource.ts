import type { Stats } from 'node:fs';
import { chmod, chown, lstat, readdir, rmdir } from 'node:fs/promises';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { Change, Resource } from '../model/plan.ts';
import { explained } from '../system/explained.ts';
import { makeFolder } from '../system/files.ts';
import { octal } from './file-resource.ts';

export interface WantedFolder {
  readonly path: string;
  /** What a new folder gets. An existing one that is stricter, or open for more readers, stays as it is. */
  readonly mode: number;
  /** Nobody but the owner may even look inside: the mode is demanded of an existing folder too. */
  readonly private?: boolean;
}

const WRITABLE_BY_OTHERS = 0o022;
const PERMISSIONS = 0o7777;

/** A folder of this process's own user that nobody else can write to. */
export function folderResource({ path, mode, private: isPrivate = false }: WantedFolder): Resource {
  const fits = (stats: Stats) =>
    isPrivate ? (stats.mode & PERMISSIONS) === mode : (stats.mode & WRITABLE_BY_OTHERS) === 0;
  const wanted = (stats: Stats) => (isPrivate ? mode : stats.mode & PERMISSIONS & ~WRITABLE_BY_OTHERS);
  return {
    kind: 'folder',
    name: path,
    async inspect() {
      const stats = await lookAtFolder(path);
      if (!stats) return change('create', path, [`+mode ${octal(mode)}`]);
      const lines: string[] = [];
      if (!fits(stats)) lines.push(`-mode ${octal(stats.mode & PERMISSIONS)}`, `+mode ${octal(wanted(stats))}`);
      if (stats.uid !== self()) lines.push(`-owner ${stats.uid}`, `+owner ${self()}`);
      return lines.length === 0 ? undefined : change('change', path, lines);
    },
    async apply() {
      await makeFolder(path, mode);
      const stats = await lookAtFolder(path);
      if (!stats) return;
      try {
        if (stats.uid !== self()) await chown(path, self(), stats.gid);
        if (!fits(stats)) await chmod(path, wanted(stats));
      } catch (error) {
        throw explained('change', path, error);
      }
    },
  };
}

/** No such folder, or one that others have put something into: only an empty one is taken away. */
export function noFolder(path: string): Resource {
  return {
    kind: 'folder',
    name: path,
    async inspect() {
      const stats = await lookAtFolder(path);
      return stats && (await isEmptyFolder(path)) ? change('remove', path, []) : undefined;
    },
    async apply() {
      await rmdir(path).catch((error: unknown) => {
        if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTEMPTY') throw explained('remove', path, error);
      });
    },
  };
}

function change(action: Change['action'], name: string, lines: string[]): Change {
  return { action, kind: 'folder', name, lines };
}

async function lookAtFolder(path: string): Promise<Stats | undefined> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw explained('look at', path, error);
  });
  if (!stats || stats.isDirectory()) return stats;
  throw new CoffreError(
    'refused',
    `cannot use ${path} as a folder: ${stats.isSymbolicLink() ? 'a link' : 'a file'} is there`,
    {
      hint: `move it away, or name another path in the inventory: ls -ld ${path}`,
    },
  );
}

async function isEmptyFolder(path: string): Promise<boolean> {
  return (await readdir(path)).length === 0;
}

function self(): number {
  return process.getuid?.() ?? 0;
}
