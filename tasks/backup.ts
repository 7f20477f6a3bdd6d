import { applyLimits } from '../lib/flow/apply-limits.ts';
import { runNight } from '../lib/flow/run-night.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import type { HostConfig } from '../lib/model/inventory.ts';
import { formatBackup } from '../lib/report/backup-result.ts';
import { formatVerification, verificationExit } from '../lib/report/verification.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';

import { runTask } from './run-task.ts';

await runTask({
  verb: 'backup',
  usage: '[host]',
  summary: `One run, on this machine: dumps every database at one snapshot, seals, stores, ships to every offsite, signs, publishes;
then removes what the retention of the host does not ask for any more: npx zx tasks/prune.ts --dry-run shows what that is;
then reads the copies, as often as verify in the inventory says, and publishes what it finds. Exit code 3 means: the backup
is safe in the store, and the next run delivers what is still owed; 5: it is, too, and a copy is not what it should be.`,
  options: {
    'break-lock':
      '=HOST  the other host that holds the lock of the store, and is gone: its lock is broken once it was watched',
  },
  examples: ['db1', 'db1 --json', 'db1 --inventory /etc/coffre/inventory'],
  logs: true,
  async run({ values, words, emit, signal, logTo }) {
    const inventory = await inventoryOf(values);
    const host = selectHost(inventory, words);
    logTo(host);
    const giveWay = () => applyLimits(host, emit);
    const holder = values['break-lock'];
    const breaking = typeof holder === 'string' ? { breakLockOf: holder } : {};
    const context = { inventory, clock: systemClock, emit, signal, giveWay, ...breaking };
    const { names, ...result } = await runNight(host, context);
    const { looked, owed } = result;
    const text = [
      ...(looked ? [formatVerification(looked.places, askedOf(host)), ''] : []),
      formatBackup({ ...result, names }),
    ];
    const isBad = looked !== null && verificationExit(looked.places) === 5;
    const isOwed = owed.length > 0 || (looked !== null && looked.trouble !== null);
    return { text: text.join('\n'), data: result, exitCode: isBad ? 5 : isOwed ? 3 : 0 };
  },
});

function askedOf({ verify }: HostConfig): { readonly sample: number | null; readonly isOneRun: boolean } {
  return { sample: verify?.sample ?? null, isOneRun: verify?.runs === 'latest' };
}
