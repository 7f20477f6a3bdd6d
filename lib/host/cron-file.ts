import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf } from '../model/error.ts';
import { explained } from '../system/explained.ts';
import { readIfPresent } from '../system/files.ts';
import { parseCronTable } from './cron-table.ts';

/** What cron looks at besides the text of a file. */
export interface CronFileStat {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  /** Hard links. */
  readonly nlink: number;
  readonly mtimeMs: number;
}

export interface CronFile {
  readonly path: string;
  /** Empty for what is no regular file. */
  readonly text: string;
  readonly stat: CronFileStat;
}

interface Rules {
  /** Who has to own the file: 0 for a daemon's folder. */
  readonly expectedOwner: number;
  userExists(name: string): boolean;
}

/**
 * Why cron would ignore a file of /etc/cron.d, one sentence each; none when it runs all of its entries. A symbolic link
 * counts as a fault, though cron follows one of root's. Source: load_database() and process_crontab() of Debian's
 * cron 3.0pl1, without its option -l, which takes a few more names.
 */
export function cronFileFaults({ path, text, stat }: CronFile, { expectedOwner, userExists }: Rules): string[] {
  const faults: string[] = [];
  const name = basename(path);
  if (!/^[A-Za-z0-9_-]+$/.test(name)) {
    faults.push(`its name "${name}" has something else in it than letters, digits, - and _`);
  }
  if (stat.kind !== 'file') return [...faults, `it is a ${NOUNS[stat.kind]}, not a regular file`];
  if (stat.uid !== expectedOwner) faults.push(`it belongs to user ${stat.uid}, not to user ${expectedOwner}`);
  if ((stat.mode & 0o022) !== 0) faults.push(`others than its owner can write it: its mode is ${octal(stat.mode)}`);
  if (stat.nlink !== 1) faults.push(`it has ${stat.nlink} hard links`);
  const table = parseCronTable(text);
  const strangers = table.entries
    .filter(({ user }) => !userExists(user))
    .map(({ line, user }) => ({ line, text: `there is no user "${user}" on this host` }));
  const lines = [...table.faults, ...strangers].sort((one, other) => one.line - other.line);
  return [...faults, ...lines.map((fault) => `line ${fault.line}: ${fault.text}`)];
}

/** What is there under `path`, links not followed; undefined when there is nothing. */
export async function readCronFile(path: string): Promise<CronFile | undefined> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw explained('look at', path, error);
  });
  if (!stats) return undefined;
  const kind = kindOf(stats);
  const content = kind === 'file' ? await readIfPresent(path) : Buffer.alloc(0);
  if (!content) return undefined; // it went away in between
  const { uid, nlink, mtimeMs } = stats;
  return { path, text: content.toString('utf8'), stat: { kind, mode: stats.mode & 0o7777, uid, nlink, mtimeMs } };
}

/** As `ls` and `chmod` write a mode. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

const NOUNS = { folder: 'folder', link: 'symbolic link', other: 'device, a pipe or a socket' } as const;

function kindOf(stats: Stats): CronFileStat['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
