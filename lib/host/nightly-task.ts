import type { HostName } from '../model/names.ts';

/** What has to run every night, whoever starts it. */
export interface NightlyTask {
  readonly host: HostName;
  /** Five fields of cron. */
  readonly schedule: string;
  /** Login name that it runs as. */
  readonly user: string;
  /** Absolute path of the program, and its arguments, which reach it exactly. */
  readonly words: readonly string[];
  /** IANA name of the host's own zone, in which the schedule is meant. */
  readonly zone: string;
}

/** Search path of the task: that of a root login on Debian. Cron's own has no sbin folder. */
export const TASK_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Comment lines on top of what is written for the task. */
export function taskHeader({ host, zone }: NightlyTask): string {
  return [
    `# Written by coffre for ${host}. What is changed here by hand is overwritten: change the inventory instead.`,
    `# Times are those of this host's own time zone, ${zone.replace(/[^A-Za-z0-9_+/-]/g, '?')}.`,
  ].join('\n');
}
