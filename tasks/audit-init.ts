import { auditInit } from '../lib/flow/audit-init.ts';
import { CoffreError } from '../lib/model/error.ts';
import { formatAuditInit } from '../lib/report/audit-init-result.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';

import { runTask, textOf } from './run-task.ts';

await runTask({
  verb: 'audit-init',
  usage: '[REMOTE | --repository OWNER/NAME]',
  summary: `Makes an empty repository the audit repository: README for auditors, the inventory's allowed signers, attributes for
readable diffs, and at GitHub the workflow that watches it, pinned to the commit of this checkout. In a repository that is
one already it brings those files up to date, in one commit. Shows the plan first, and in the end what only the keeper of
the repository can do. Without REMOTE it is the one that the inventory names.`,
  options: {
    repository: '=OWNER/NAME  a repository at GitHub, reached by SSH',
    branch: '=NAME  the branch that hosts publish to (default: that of the inventory, or main)',
    software: '=OWNER/NAME@COMMIT  where the workflow finds coffre (default: where this checkout comes from)',
    'inventory-repository': '=OWNER/NAME@BRANCH  where it finds the inventory (default: where its folder comes from)',
    'dry-run': 'show the plan, and push nothing',
  },
  examples: ['--dry-run', 'ssh://git@git.example.net/backup-audit.git', '--repository acme/backup-audit'],
  async run({ values, words, emit, signal }) {
    const repository = textOf(values, 'repository');
    if (words.length + (repository === undefined ? 0 : 1) > 1) {
      throw new CoffreError('usage', 'cannot tell which repository is meant: several are named', {
        hint: 'npx zx tasks/audit-init.ts --help',
      });
    }
    const result = await auditInit({
      inventory: await inventoryOf(values),
      remote: repository ?? words[0],
      branch: textOf(values, 'branch'),
      sources: { software: textOf(values, 'software'), inventory: textOf(values, 'inventory-repository') },
      dryRun: values['dry-run'] === true,
      clock: systemClock,
      ...{ emit, signal },
    });
    return { text: formatAuditInit(result), data: result };
  },
});
