import { auditOverview } from '../lib/flow/audit-overview.ts';
import { auditSource } from '../lib/flow/audit-source.ts';
import { selectHosts } from '../lib/flow/select-hosts.ts';
import { writeRecordMetrics } from '../lib/flow/write-record-metrics.ts';
import { formatStatus, statusOf } from '../lib/report/status.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';

import { runTask, textOf } from './run-task.ts';

import { toneOf } from './terminal.ts';

await runTask({
  verb: 'status',
  usage: '[host …] [--repository PATH|REMOTE]',
  summary: `One line a host, by the signed records in the audit repository: the last good run, its age and size, how many of its copies
are complete, the last drill that proves something, and what is wrong; drift is for provision --check to tell. Exit code 5
where validate finds an error, with hosts that are named an error of theirs or of no host.`,
  options: {
    repository: '=PATH|REMOTE  the audit repository (default: the one that the inventory names)',
    metrics:
      '=FILE  write the same as numbers for Prometheus, such as into the folder of a textfile collector: <folder>/coffre.prom',
    since: '=COMMIT  a commit that was its head before: the history must contain it',
  },
  examples: [
    '',
    'db1 db2',
    '--repository ~/backup-audit --json',
    '--metrics /var/lib/prometheus/node-exporter/coffre.prom',
  ],
  async run({ values, words }) {
    const inventory = await inventoryOf(values);
    const named = words.length === 0 ? [] : selectHosts(inventory, words, false).map(({ name }) => name);
    const since = textOf(values, 'since');
    const overview = await auditOverview({
      inventory,
      source: await auditSource(inventory, textOf(values, 'repository')),
      clock: systemClock,
      ...(since === undefined ? {} : { since }),
    });
    const status = statusOf(overview, named);
    const file = textOf(values, 'metrics');
    if (file !== undefined) await writeRecordMetrics(file, overview, named, inventory);
    return { text: formatStatus(status, toneOf(process.stdout)), data: status, exitCode: status.exitCode };
  },
});
