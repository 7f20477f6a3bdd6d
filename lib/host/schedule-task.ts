import type { Resource } from '../model/plan.ts';
import type { Scheduler } from './choose-scheduler.ts';
import { cronEntry } from './cron-entry.ts';
import type { NightlyTask } from './nightly-task.ts';
import { renderCronEntry } from './render-cron-entry.ts';
import { renderTimer } from './render-timer.ts';
import type { Systemctl } from './systemctl.ts';
import { timer } from './timer.ts';

interface ScheduleOptions {
  readonly scheduler: Scheduler;
  readonly task: NightlyTask;
  readonly cronFile: string;
  readonly unitFolder: string;
  readonly systemctl: Systemctl | undefined;
}

/**
 * The resources by which a host starts its nightly task in one way alone. The chosen one comes first: in between both
 * may start the task, and the lock of the run lets one in; never is there none.
 */
export function scheduleTask({ scheduler, task, cronFile, unitFolder, systemctl }: ScheduleOptions): Resource[] {
  const absent = { kind: 'absent' } as const;
  const cron = cronEntry({
    path: cronFile,
    desired: scheduler === 'cron' ? { kind: 'present', text: renderCronEntry(task) } : absent,
  });
  const systemd = timer({
    unitFolder,
    systemctl,
    desired: scheduler === 'systemd' ? { kind: 'present', ...renderTimer(task) } : absent,
  });
  return scheduler === 'systemd' ? [systemd, cron] : [cron, systemd];
}
