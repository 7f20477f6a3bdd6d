import { CoffreError } from '../model/error.ts';
import { exists } from '../system/files.ts';
import { findProgram } from '../system/programs.ts';
import { SYSTEMD_SIGN } from './systemctl.ts';

export type Scheduler = 'cron' | 'systemd' | 'none';

/** What of a host can start a task. */
export interface SchedulerFacts {
  /** The program of the daemon is installed; whether it runs is another question. */
  readonly cron: boolean;
  /** Systemd is the first process. */
  readonly systemd: boolean;
}

/**
 * Which scheduler starts the nightly task: `auto` is cron where it is there, else systemd. Throws `program-missing` for
 * systemd that is not there, and for `auto` with neither.
 */
export function chooseScheduler(kind: Scheduler | 'auto', { cron, systemd }: SchedulerFacts): Scheduler {
  const missing = (what: string) => {
    throw new CoffreError('program-missing', `cannot schedule the nightly task: ${what}`, {
      hint: 'install it with: apt-get install --no-install-recommends cron',
    });
  };
  switch (kind) {
    case 'none':
      return 'none';
    case 'cron':
      return 'cron'; // its file can be there before the daemon is: a remark tells of that
    case 'systemd':
      return systemd ? 'systemd' : missing('systemd does not run this host');
    case 'auto':
      if (cron) return 'cron';
      return systemd ? 'systemd' : missing('there is neither cron nor systemd on this host');
  }
}

export async function readSchedulerFacts(): Promise<SchedulerFacts> {
  return { cron: findProgram('cron') !== undefined, systemd: await exists(SYSTEMD_SIGN) };
}
