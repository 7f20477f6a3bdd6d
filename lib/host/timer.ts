import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import { type Change, diffLines, type Resource } from '../model/plan.ts';
import { textDiff } from '../model/text-diff.ts';
import { exists, makeFolder, removeDurably, writeDurably } from '../system/files.ts';
import { type CronFile, octal, readCronFile as readUnit } from './cron-file.ts';
import { hideUnitValues } from './hide-values.ts';
import type { TimerUnits } from './render-timer.ts';
import { type Systemctl, systemctlOrThrow } from './systemctl.ts';

/** The unit that starts the nightly task. */
export const TIMER_UNIT = 'coffre.timer';
const SERVICE = 'coffre.service';
const MODE = 0o644;
/** Folders of lines by which a hand, or `systemctl edit`, changes a unit without touching its file. */
const DROP_INS = [`${TIMER_UNIT}.d`, `${SERVICE}.d`];

interface TimerOptions {
  /** /etc/systemd/system, unless the inventory says another. */
  readonly unitFolder: string;
  readonly desired: ({ readonly kind: 'present' } & TimerUnits) | { readonly kind: 'absent' };
  /** undefined where systemd does not run: then nothing but left-over files can be taken away. */
  readonly systemctl: Systemctl | undefined;
  readonly uid?: number;
}

/**
 * The two units that make systemd run the nightly task, and the timer being enabled and active. What was added by hand
 * in a drop-in counts as drift and is taken away. Throws `refused` without root, `program-missing` without systemd.
 */
export function timer({ unitFolder, desired, systemctl, uid = process.getuid?.() ?? 0 }: TimerOptions): Resource {
  const path = join(unitFolder, TIMER_UNIT);
  const inspect = async (): Promise<Change | undefined> => {
    const look = desired.kind === 'present' ? lookWanted : lookUnwanted;
    const change = await look({ unitFolder, desired, systemctl });
    if (change && uid !== 0) {
      throw new CoffreError('refused', `cannot change ${path}: only root may`, { hint: 'run it as root, or by sudo' });
    }
    return change;
  };
  return {
    kind: 'timer',
    name: path,
    inspect,
    async apply() {
      if (!(await inspect())) return;
      if (desired.kind === 'absent') {
        if (systemctl && (await exists(path))) await systemctlOrThrow(systemctl, ['disable', '--now', TIMER_UNIT]);
        else if (systemctl) await systemctlOrThrow(systemctl, ['stop', TIMER_UNIT]);
        for (const name of [...leftovers(), SERVICE, TIMER_UNIT]) await removeDurably(join(unitFolder, name));
        if (systemctl) await systemctlOrThrow(systemctl, ['daemon-reload']);
        return;
      }
      await makeFolder(unitFolder);
      for (const name of DROP_INS) await removeDurably(join(unitFolder, name));
      for (const [name, text] of unitsOf(desired)) {
        await writeDurably(join(unitFolder, name), text, MODE);
        await chmod(join(unitFolder, name), MODE); // the umask may have taken bits away
      }
      if (!systemctl) return;
      await systemctlOrThrow(systemctl, ['daemon-reload']);
      await systemctlOrThrow(systemctl, ['enable', TIMER_UNIT]);
      // Starts it, or has it count from the new schedule; a run that is under way goes on.
      await systemctlOrThrow(systemctl, ['restart', TIMER_UNIT]);
    },
  };
}

type Looking = Pick<TimerOptions, 'unitFolder' | 'desired' | 'systemctl'>;

async function lookWanted({ unitFolder, desired, systemctl }: Looking): Promise<Change | undefined> {
  if (!systemctl) {
    throw new CoffreError('program-missing', 'cannot set a timer: systemd does not run this host', {
      hint: 'install cron with: apt-get install --no-install-recommends cron',
    });
  }
  const lines: string[] = [];
  let isNew = true;
  for (const [name, text] of unitsOf(desired)) {
    const found = await readUnit(join(unitFolder, name));
    if (found) isNew = false;
    const drift = unitDrift(found, text);
    if (drift.length > 0) lines.push(` ${name}:`, ...drift);
  }
  for (const name of DROP_INS) if (await exists(join(unitFolder, name))) lines.push(`-${name}/`);
  if (lines.length === 0) {
    const state = await stateOf(systemctl);
    for (const [key, wanted] of WANTED) {
      const is = state.get(key);
      if (is !== wanted) lines.push(`-${key}: ${is || 'unknown'}`, `+${key}: ${wanted}`);
    }
  }
  if (lines.length === 0) return undefined;
  return { action: isNew ? 'create' : 'change', kind: 'timer', name: join(unitFolder, TIMER_UNIT), lines };
}

/** Each difference as lines of a diff; `-` for all that is there, `+` for all that should be. */
function unitDrift(found: CronFile | undefined, text: string): string[] {
  if (!found) return diffLines('+', text);
  const { kind, uid, mode } = found.stat;
  return [
    ...(kind === 'file' ? [] : [`-a ${kind}`, '+a regular file']),
    ...(uid === 0 ? [] : [`-owner ${uid}`, '+owner 0']),
    ...(mode === MODE || kind === 'link' ? [] : [`-mode ${octal(mode)}`, `+mode ${octal(MODE)}`]),
    ...(found.text === text ? [] : textDiff(hideUnitValues(found.text, text), text)),
  ];
}

async function lookUnwanted({ unitFolder, systemctl }: Looking): Promise<Change | undefined> {
  const lines: string[] = [];
  for (const name of [TIMER_UNIT, SERVICE]) {
    const found = await readUnit(join(unitFolder, name));
    if (found) lines.push(` ${name}:`, ...diffLines('-', hideUnitValues(found.text, '')));
  }
  for (const name of leftovers()) if (await readUnit(join(unitFolder, name))) lines.push(`-${name}`);
  if (systemctl && (await stateOf(systemctl)).get('ActiveState') === 'active') lines.push(`-${TIMER_UNIT} is active`);
  if (lines.length === 0) return undefined;
  return { action: 'remove', kind: 'timer', name: join(unitFolder, TIMER_UNIT), lines };
}

/** What `systemctl show` says of a timer that is at work, and read again since its file was written. */
const WANTED = [
  ['UnitFileState', 'enabled'],
  ['ActiveState', 'active'],
  ['NeedDaemonReload', 'no'],
] as const;

/** The state of the timer; `NeedDaemonReload` is no only when the service needs none either. */
async function stateOf(systemctl: Systemctl): Promise<ReadonlyMap<string, string>> {
  const properties = WANTED.map(([key]) => key).join(',');
  const shown = await systemctlOrThrow(systemctl, ['show', `--property=${properties}`, TIMER_UNIT, SERVICE]);
  // One block of KEY=VALUE lines for each of the units, an empty line in between.
  const [ofTimer = new Map(), ofService] = shown
    .split(/\n{2,}/)
    .map((block) => new Map(block.split('\n').map((line) => line.split('=') as [string, string])));
  if (ofService?.get('NeedDaemonReload') === 'yes') ofTimer.set('NeedDaemonReload', 'yes');
  return ofTimer;
}

function unitsOf(desired: TimerOptions['desired']): [string, string][] {
  return desired.kind === 'absent'
    ? []
    : [
        [SERVICE, desired.service],
        [TIMER_UNIT, desired.timer],
      ];
}

/** The link that enables the timer, which outlives its unit when somebody removes the file by hand, and the drop-ins. */
function leftovers(): string[] {
  return [...DROP_INS, `timers.target.wants/${TIMER_UNIT}`];
}
