import { chmod, utimes } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CoffreError } from '../model/error.ts';
import { type Change, diffLines, type Resource } from '../model/plan.ts';
import { textDiff } from '../model/text-diff.ts';
import { sleep } from '../system/clock.ts';
import { makeFolder, removeDurably, writeDurably } from '../system/files.ts';
import { findSystemUser } from '../system/users.ts';
import { type CronFile, type CronFileStat, cronFileFaults, octal, readCronFile } from './cron-file.ts';
import { parseCronTable } from './cron-table.ts';
import { hideCronValues } from './hide-values.ts';

/** The folder that Debian's cron reads; files of root alone. */
export const CRON_FOLDER = '/etc/cron.d';
const MODE = 0o644;

interface CronEntryOptions {
  readonly path: string;
  /** The text of the file, from `renderCronEntry`. */
  readonly desired: { readonly kind: 'present'; readonly text: string } | { readonly kind: 'absent' };
  /** Who runs this process. A host that is not root's has its file elsewhere, and owns it. */
  readonly uid?: number;
}

/**
 * The file that makes cron run the nightly task. Its text, owner, mode and kind are compared; what somebody changed by
 * hand shows as a diff. It is read by cron's own rules before it is written and again after. Throws `refused` for a
 * folder of that name, for the daemon's folder without root, and for a file that cron would ignore.
 */
export function cronEntry({ path, desired, uid = process.getuid?.() ?? 0 }: CronEntryOptions): Resource {
  const inspect = async (): Promise<Change | undefined> => {
    const found = await readCronFile(path);
    if (found?.stat.kind === 'folder') throw refused(path, 'it is a folder', `look at: ls -la ${path}`);
    const change = changeFor(path, found, desired, uid);
    if (change && uid !== 0 && dirname(resolve(path)) === CRON_FOLDER) {
      throw refused(path, 'only root may change the files of the cron daemon', 'run it as root, or by sudo');
    }
    return change;
  };
  return {
    kind: 'cron-entry',
    name: path,
    inspect,
    async apply() {
      const change = await inspect();
      if (!change) return;
      const found = await readCronFile(path);
      if (desired.kind === 'absent') return removeDurably(path);
      await assertTaken({ path, text: desired.text, stat: freshStat(uid) }, uid);
      await makeFolder(dirname(path));
      if (found) await leaveSecondOf(found.stat.mtimeMs);
      await writeDurably(path, desired.text, MODE);
      await chmod(path, MODE); // the umask may have taken bits away
      await assertWritten(path, desired.text, uid);
      await beSeen(path);
    },
  };
}

function changeFor(
  path: string,
  found: CronFile | undefined,
  desired: CronEntryOptions['desired'],
  uid: number,
): Change | undefined {
  const change = (action: Change['action'], lines: string[]): Change => ({
    action,
    kind: 'cron-entry',
    name: path,
    lines,
  });
  if (desired.kind === 'absent') {
    return found && change('remove', diffLines('-', hideCronValues(found.text)));
  }
  if (!found) return change('create', diffLines('+', desired.text));
  const { stat, text } = found;
  const lines = [
    ...(stat.kind === 'file' ? [] : [`-a ${stat.kind}`, '+a regular file']),
    ...(stat.uid === uid ? [] : [`-owner ${stat.uid}`, `+owner ${uid}`]),
    ...(stat.mode === MODE || stat.kind === 'link' ? [] : [`-mode ${octal(stat.mode)}`, `+mode ${octal(MODE)}`]),
    ...(stat.nlink === 1 ? [] : [`-${stat.nlink} hard links`, '+1 hard link']),
    ...(text === desired.text ? [] : textDiff(hideCronValues(text), desired.text)),
  ];
  return lines.length === 0 ? undefined : change('change', lines);
}

/** Throws `refused` when cron would ignore the file. */
async function assertTaken(file: CronFile, uid: number): Promise<void> {
  const users = new Set<string>();
  for (const { user } of parseCronTable(file.text).entries) if (await findSystemUser(user)) users.add(user);
  const faults = cronFileFaults(file, { expectedOwner: uid, userExists: (name) => users.has(name) });
  if (faults.length === 0) return;
  throw new CoffreError('refused', `cannot write ${file.path}: cron would ignore it: ${faults.join('; ')}`, {
    hint: 'look at schedule and scheduler.cronFile of this host in the inventory',
    findings: faults,
  });
}

async function assertWritten(path: string, text: string, uid: number): Promise<void> {
  const written = await readCronFile(path);
  if (written?.text !== text) {
    throw refused(path, 'somebody else changed it at the same time', `look at: ls -l ${path}; then try again`);
  }
  await assertTaken(written, uid);
}

/**
 * Cron knows a file and the folder again by their times in whole seconds, and looks in the first seconds of a minute.
 * What changes twice within a second with its look in between is not seen. So an older file of this very second is
 * replaced in the next one, and a folder that was written in the first seconds of a minute gets a later time.
 */
async function beSeen(path: string): Promise<void> {
  const nowMs = Date.now();
  if (!cronMayBeLooking(nowMs)) return;
  await leaveSecondOf(nowMs);
  const now = new Date();
  await utimes(dirname(path), now, now);
}

/** Exported for its test. */
export function cronMayBeLooking(epochMs: number): boolean {
  return Math.floor(epochMs / 1000) % 60 < 3;
}

async function leaveSecondOf(epochMs: number): Promise<void> {
  const second = Math.floor(epochMs / 1000);
  // A file gets its time from the kernel's coarse clock, some milliseconds behind.
  while (Math.floor((Date.now() - 20) / 1000) === second) await sleep(1020 - (Date.now() % 1000));
}

function freshStat(uid: number): CronFileStat {
  return { kind: 'file', mode: MODE, uid, nlink: 1, mtimeMs: 0 };
}

function refused(path: string, why: string, hint: string): CoffreError {
  return new CoffreError('refused', `cannot change ${path}: ${why}`, { hint });
}
