import { listPublished, listRuns } from '../lib/flow/list-runs.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import { formatRecords } from '../lib/report/records.ts';
import { formatRuns } from '../lib/report/runs.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';

import { runTask, textOf } from './run-task.ts';

await runTask({
  verb: 'list',
  usage: '[host] [--from PLACE]',
  summary:
    'The runs of a host at one place, the newest first, with age, sizes and how each copy was verified. Signatures are checked. From the audit repository also what else the host has put on record.',
  options: { from: '=PLACE  store, export, offsite:<name>, audit, or a folder (default: store)' },
  examples: ['db1', 'db1 --from offsite:contractor', 'db1 --from audit --json', 'db1 --from /mnt/usb/backups'],
  async run({ values, words, signal }) {
    const inventory = await inventoryOf(values);
    const host = selectHost(inventory, words);
    const from = textOf(values, 'from') ?? 'store';
    const { runs, records } =
      from === 'audit'
        ? await listPublished(host, inventory)
        : { runs: await listRuns(host, inventory, from, signal), records: [] };
    const now = systemClock.now();
    const bad = [...runs, ...records].some(({ trust }) => trust !== 'signed');
    const text = [formatRuns(runs, now), formatRecords(records, now)].filter((part) => part !== '').join('\n\n');
    return { text, data: [...runs, ...records], exitCode: bad ? 5 : 0 };
  },
});
