import { CoffreError } from '../model/error.ts';
import { assertSchedulable } from './assert-schedulable.ts';
import { type NightlyTask, TASK_PATH, taskHeader } from './nightly-task.ts';
import { toOnCalendar } from './on-calendar.ts';

export interface TimerUnits {
  /** Text of the `.service` unit: what runs. */
  readonly service: string;
  /** Text of the `.timer` unit: when. */
  readonly timer: string;
}

/**
 * The units of systemd that run `task` as cron would: by the clocks of the host, at the very minute, and without
 * Persistent=, so that a run missed while the host was down stays missed: it is the audit that finds missed runs, the
 * same with either scheduler. Throws as `renderCronEntry` does. Source: systemd.timer(5), systemd.service(5).
 */
export function renderTimer(task: NightlyTask): TimerUnits {
  assertSchedulable(task);
  const program = task.words[0] ?? '';
  if (/["'\\]/.test(program) || CONTROL.test(program)) {
    throw new CoffreError(
      'refused',
      `cannot schedule ${task.host}: systemd runs no program ${JSON.stringify(program)}`,
      {
        hint: 'look at agent.path of this host in the inventory: no quotes, no backslashes, no control characters',
      },
    );
  }
  const service = [
    taskHeader(task),
    '[Unit]',
    'Description=Encrypted backup of MariaDB',
    '',
    '[Service]',
    'Type=oneshot',
    `User=${task.user}`,
    `Environment=PATH=${TASK_PATH}`,
    // The colon: no $VARIABLE is replaced in the words.
    `ExecStart=:${task.words.map(quoteUnit).join(' ')}`,
  ];
  const timer = [
    taskHeader(task),
    '[Unit]',
    'Description=Nightly start of the encrypted backup of MariaDB',
    '',
    '[Timer]',
    ...toOnCalendar(task.schedule).map((expression) => `OnCalendar=${expression}`),
    'AccuracySec=1s',
    'Persistent=false',
    '',
    '[Install]',
    'WantedBy=timers.target',
  ];
  return { service: `${service.join('\n')}\n`, timer: `${timer.join('\n')}\n` };
}

/** A word of ExecStart: in double quotes, C escapes, and `%%` for a percent sign. */
function quoteUnit(word: string): string {
  const escaped = word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replace(new RegExp(CONTROL, 'g'), hex);
  return `"${escaped}"`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\x01-\x1f\x7f]/;

function hex(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
