import { CoffreError } from '../model/error.ts';
import { assertSchedulable } from './assert-schedulable.ts';
import { writeCronCommand } from './cron-command.ts';
import { parseCronTable } from './cron-table.ts';
import { type NightlyTask, TASK_PATH, taskHeader } from './nightly-task.ts';

/**
 * The file of /etc/cron.d that runs `task`. MAILTO is left to the host: cron mails what the task prints. Missed runs are
 * not caught up: the audit finds them. Throws `inventory` for a schedule that is none, and `refused` for a task that no
 * crontab can carry.
 */
export function renderCronEntry(task: NightlyTask): string {
  assertSchedulable(task);
  const schedule = task.schedule
    .trim()
    .split(/[ \t]+/)
    .join(' ');
  const text = `${[
    taskHeader(task),
    'SHELL=/bin/sh',
    `PATH=${TASK_PATH}`,
    `${schedule} ${task.user} ${writeCronCommand(task.words)}`,
  ].join('\n')}\n`;
  const { entries, faults } = parseCronTable(text);
  const [entry, ...others] = entries;
  const taken = entry?.schedule === schedule && entry.user === task.user && others.length === 0;
  if (taken && faults.length === 0) return text;
  const why = faults.map(({ text }) => text).join('; ') || 'it would see another one';
  throw new CoffreError('refused', `cannot schedule ${task.host}: cron would not take the entry: ${why}`, {
    hint: 'look at the paths of this host in the inventory: they become words of the nightly command',
    findings: faults.map(({ text }) => text),
  });
}
