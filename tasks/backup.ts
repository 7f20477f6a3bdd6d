import { applyLimits } from '../lib/flow/apply-limits.ts';
import { runNight } from '../lib/flow/run-night.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import { formatBackup } from '../lib/report/backup-result.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';
import { runTask } from './run-task.ts';

await runTask({
  verb: 'backup',
  usage: '[host]',
  summary: `One run, on this machine: dumps every database at one snapshot, seals, stores, ships to every offsite, signs, publishes;
then removes what the retention of the host does not ask for any more: npx zx tasks/prune.ts --dry-run shows what that is.
Exit code 3 means: the backup is safe in the store, and the next run delivers what is still owed.`,
  options: {},
  examples: ['db1', 'db1 --json', 'db1 --inventory /etc/coffre/inventory'],
  async run({ values, words, emit, signal }) {
    const inventory = await inventoryOf(values);
    const host = selectHost(inventory, words);
    const giveWay = () => applyLimits(host, emit);
    const result = await runNight(host, { inventory, clock: systemClock, emit, signal, giveWay });
    return { text: formatBackup(result), data: result, exitCode: result.owed.length === 0 ? 0 : 3 };
  },
});
