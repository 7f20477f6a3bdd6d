import { prune } from '../lib/flow/prune.ts';
import { selectHost } from '../lib/flow/select-hosts.ts';
import { formatPrune, pruneExit } from '../lib/report/prune-result.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';

import { listOf, runTask } from './run-task.ts';

await runTask({
  verb: 'prune',
  usage: '[host] [--dry-run]',
  summary: `Removes, on this machine, the runs that the retention of the host does not ask for, at each place that it names: so many of
the newest days, weeks, months and years that have a run keep their newest good one. What stays besides: the newest run,
the newest verified one, the last that a recipient can open, what an offsite is still to get, and whatever has no
trusted manifest or a date that cannot be. Each night's backup does this at its end, too.`,
  options: {
    from: '=…PLACE  store, export or offsite:<name>; can be given several times (default: all that have a retention)',
    'dry-run': 'print the calendar with what would stay, and why, and remove nothing',
  },
  examples: ['db1 --dry-run', 'db1 --from offsite:contractor --dry-run', 'db1 --json'],
  async run({ values, words, emit, signal }) {
    const inventory = await inventoryOf(values);
    const host = selectHost(inventory, words);
    const dryRun = values['dry-run'] === true;
    const from = listOf(values, 'from');
    const only = from.length === 0 ? {} : { only: from };
    const places = await prune(host, { inventory, clock: systemClock, emit, signal, dryRun, ...only });
    return { text: formatPrune(places, dryRun), data: places, exitCode: pruneExit(places) };
  },
});
