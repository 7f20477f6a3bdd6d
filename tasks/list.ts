import { listRuns } from '../lib/flow/list-runs.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import { formatRuns } from '../lib/report/runs.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';
import { runTask, textOf } from './run-task.ts';

await runTask({
  verb: 'list',
  usage: '[host] [--from PLACE]',
  summary:
    'The runs of a host at one place, the newest first, with age, sizes and how each copy was verified. Signatures are checked.',
  options: { from: '=PLACE  store, export, offsite:<name>, audit, or a folder (default: store)' },
  examples: ['db1', 'db1 --from offsite:contractor', 'db1 --from audit --json', 'db1 --from /mnt/usb/backups'],
  async run({ values, words, signal }) {
    const inventory = await inventoryOf(values);
    const host = selectHost(inventory, words);
    const runs = await listRuns(host, inventory, textOf(values, 'from') ?? 'store', signal);
    const bad = runs.some(({ trust }) => trust !== 'signed');
    return { text: formatRuns(runs, systemClock.now()), data: runs, exitCode: bad ? 5 : 0 };
  },
});
