import { auditSource } from '../lib/flow/audit-source.ts';
import { type Validation, validate } from '../lib/flow/validate.ts';
import { githubAnnotations } from '../lib/report/github-annotations.ts';
import { formatValidation } from '../lib/report/validation.ts';
import { formatValidationSummary } from '../lib/report/validation-summary.ts';
import { systemClock } from '../lib/system/clock.ts';
import { appendJobSummary } from '../lib/system/github-actions.ts';
import { inventoryOf } from './inventory-option.ts';
import { toStderr } from './outlet.ts';

import { runTask, textOf } from './run-task.ts';

await runTask({
  verb: 'validate',
  usage: '[--repository PATH|REMOTE]',
  summary: `Judges the audit repository by the inventory: schema, signatures by the signer of each host, chains without gap or
rewrite, freshness against the schedule, sizes beside those of the nights before, copies as retention asks for them, nothing in it
that does not belong. Exit code 5 when there is an error. In GitHub Actions it annotates the run and writes its summary.`,
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
    if (process.env.GITHUB_ACTIONS === 'true') await tellGitHub(validation);
    const failed = validation.findings.some(({ severity }) => severity === 'error');
    return { text: formatValidation(validation, systemClock.now()), data: validation, exitCode: failed ? 5 : 0 };
  },
});

/** GitHub reads the commands from both streams of a step; with --json nothing else may stand on the first. */
async function tellGitHub(validation: Validation): Promise<void> {
  for (const line of githubAnnotations(validation.findings)) toStderr(`${line}\n`);
  await appendJobSummary(process.env, formatValidationSummary(validation, systemClock.now()));
}
