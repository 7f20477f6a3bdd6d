import { readValidation } from '../lib/flow/read-validation.ts';
import { recallHead, reportIssues } from '../lib/flow/report-issues.ts';
import { formatReportedIssues } from '../lib/report/reported-issues.ts';
import { openGitHub } from '../lib/system/github.ts';
import { readActionsContext } from '../lib/system/github-actions.ts';
import { ISSUE_NAMES, repositoryIssues } from '../lib/system/github-issues.ts';
import { knownHeadOption, requiredText } from './github-option.ts';

import { runTask } from './run-task.ts';

await runTask({
  verb: 'report-issues',
  usage: '--findings FILE | --recall',
  summary: `Tells at GitHub what validate has found: one issue for each host with an error, and one for the audit repository
itself, each updated as the findings change and closed once there is no error any more. Only issues that its own user
has opened are touched. The issue of the repository also keeps the head that was validated last, for validate --since:
whoever can push, and rewrite the history, cannot rewrite that. Repository and token: GITHUB_REPOSITORY, GITHUB_API_URL
and GITHUB_TOKEN, as a workflow has them, or .env for the token.`,
  options: {
    findings: '=FILE  what validate --json has written',
    known: '=COMMIT  the head that validate was given with --since; it is replaced only while it is still that one',
    recall: 'print the head that is kept, if any, and do nothing else',
    'dry-run': 'tell what would be done to which issue, and do none of it',
  },
  examples: [
    '--recall',
    '--findings findings.jsonl --dry-run',
    '--findings findings.jsonl --known $(npx zx tasks/report-issues.ts --recall)',
  ],
  async run({ values, signal }) {
    const context = await readActionsContext(process.env);
    const open = async () =>
      repositoryIssues(openGitHub({ ...context, token: await context.token(), signal, names: ISSUE_NAMES }));
    if (values.recall === true) {
      const head = await recallHead(await open());
      return { text: head ?? '', data: { head } };
    }
    const validation = await readValidation(requiredText(values, 'findings'));
    const dryRun = values['dry-run'] === true;
    const issues = await reportIssues(await open(), { validation, known: knownHeadOption(values), dryRun });
    return { text: formatReportedIssues(issues, dryRun), data: { dryRun, issues } };
  },
});
