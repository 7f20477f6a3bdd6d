import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Remark } from '../model/plan.ts';
import { readIfPresent } from '../system/files.ts';
import { findProgram } from '../system/programs.ts';
import { CRON_FOLDER } from './cron-entry.ts';

/** What /proc calls a cron daemon: Debian's, and those of cronie and busybox. */
const DAEMONS = ['cron', 'crond'];

/**
 * What an operator should know about the daemon that has to read the cron file `path`: that there is none. Every cron holds /run/crond.pid while it runs; root's processes show their name to everybody.
 */
export async function cronDaemonRemark(path: string, root = '/'): Promise<Remark | undefined> {
  if (dirname(resolve(path)) !== CRON_FOLDER) return undefined; // somebody's own arrangement, such as a demo's
  const record = await readIfPresent(join(root, 'run/crond.pid'));
  const pid = Number(record?.toString('latin1').trim());
  const name = pid > 0 ? await readFile(join(root, `proc/${pid}/comm`), 'utf8').catch(() => '') : '';
  if (DAEMONS.includes(name.trim())) return undefined;
  const start = 'systemctl enable --now cron';
  const hint = findProgram('cron') ? start : `apt-get install --no-install-recommends cron && ${start}`;
  return { text: `no cron daemon is running that could read ${path}`, hint };
}
