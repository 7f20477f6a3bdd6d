import { CoffreError } from '../model/error.ts';
import { scheduleFault } from '../model/schedule.ts';
import { assertCarried } from './cron-command.ts';
import { LOGIN_NAME } from './cron-table.ts';
import type { NightlyTask } from './nightly-task.ts';

/** Throws `inventory` for a schedule that is none, and `refused` for a user or words that no scheduler can carry. */
export function assertSchedulable({ host, schedule, user, words }: NightlyTask): void {
  const fault = scheduleFault(schedule);
  if (fault !== undefined) {
    throw new CoffreError('inventory', `cannot schedule ${host} by "${schedule}": ${fault}`, {
      hint: `look at schedule in inventory/hosts/${host}.yaml`,
    });
  }
  if (!LOGIN_NAME.test(user)) {
    throw new CoffreError('refused', `cannot schedule ${host}: ${JSON.stringify(user)} is no login name`, {
      hint: 'look at ssh.user of this host in the inventory',
    });
  }
  assertCarried(words);
}
