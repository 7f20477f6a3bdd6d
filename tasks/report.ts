import { auditOverview } from '../lib/flow/audit-overview.ts';
import { auditSource } from '../lib/flow/audit-source.ts';
import { CoffreError } from '../lib/model/error.ts';
import { formatBytes } from '../lib/report/format.ts';
import { renderPage } from '../lib/report/page/render-page.ts';
import { verdictOf } from '../lib/report/verdict.ts';
import { systemClock } from '../lib/system/clock.ts';
import { writeDurably } from '../lib/system/files.ts';
import { inventoryOf } from './inventory-option.ts';

import { runTask, textOf } from './run-task.ts';

await runTask({
  verb: 'report',
  usage: '--out FILE [--repository PATH|REMOTE]',
  summary: `Writes one page of HTML that shows what the audit repository says of every host: whether all can be recovered, its nights,
sizes and durations, copies, drills, and its chain of records. It loads nothing from anywhere and runs no script. Exit
code 0 once the page is written, whatever it says: validate is what turns red.`,
  options: {
    out: '=FILE  where to write the page; one that is there is replaced',
    repository: '=PATH|REMOTE  the audit repository (default: the one that the inventory names)',
    since: '=COMMIT  a commit that was its head before: the history must contain it',
  },
  examples: ['--out backups.html', '--out public/index.html --repository ~/backup-audit'],
  async run({ values }) {
    const out = textOf(values, 'out');
    if (out === undefined || out === '') {
      throw new CoffreError('usage', 'cannot write the page: no file is named', {
        hint: 'such as: --out backups.html',
      });
    }
    const inventory = await inventoryOf(values);
    const since = textOf(values, 'since');
    const overview = await auditOverview({
      inventory,
      source: await auditSource(inventory, textOf(values, 'repository')),
      clock: systemClock,
      ...(since === undefined ? {} : { since }),
    });
    const page = Buffer.from(renderPage(overview));
    await writeDurably(out, page);
    const { sentence, standing } = verdictOf(overview);
    const data = { out, bytes: page.length, head: overview.head, sentence, standing };
    return {
      text: `${sentence}\n${out}: ${overview.hosts.length} ${overview.hosts.length === 1 ? 'host' : 'hosts'}, ${formatBytes(page.length)}`,
      data,
    };
  },
});
