import { auditSource } from '../lib/flow/audit-source.ts';
import { validate } from '../lib/flow/validate.ts';
import { formatValidation } from '../lib/report/validation.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';
import { runTask, textOf } from './run-task.ts';

await runTask({
  verb: 'validate',
  usage: '[--repository PATH|REMOTE]',
  summary: `Judges the audit repository by the inventory: schema, signatures by the signer of each host, chains without gap or
rewrite, freshness against the schedule, nothing in it that does not belong. Exit code 5 when there is an error.`,
  options: {
    repository: '=PATH|REMOTE  the audit repository (default: the one that the inventory names)',
    state: '=FOLDER|FILE.json  remembers the head that it has seen: the next time the history must extend it',
    since: '=COMMIT  a commit that was its head before: the history must contain it',
  },
  examples: ['', '--repository ~/backup-audit', '--state /var/lib/coffre-validate', '--since 4f2c1d0 --json'],
  async run({ values }) {
    const inventory = await inventoryOf(values);
    const [since, state] = [textOf(values, 'since'), textOf(values, 'state')];
    const validation = await validate({
      inventory,
      source: await auditSource(inventory, textOf(values, 'repository')),
      clock: systemClock,
      ...(since === undefined ? {} : { since }),
      ...(state === undefined ? {} : { state }),
    });
    const failed = validation.findings.some(({ severity }) => severity === 'error');
    return { text: formatValidation(validation, systemClock.now()), data: validation, exitCode: failed ? 5 : 0 };
  },
});
