import { commentPlans } from '../lib/flow/comment-plans.ts';
import { readPlans } from '../lib/flow/read-plans.ts';
import { formatPlanComment } from '../lib/report/plan-comment.ts';
import { openGitHub } from '../lib/system/github.ts';
import { readActionsContext } from '../lib/system/github-actions.ts';
import { pullRequestComments } from '../lib/system/github-comments.ts';
import { commitOption, pullRequestOption, requiredText } from './github-option.ts';

import { runTask } from './run-task.ts';

await runTask({
  verb: 'comment-plans',
  usage: '--plan FILE',
  summary: `Posts what a dry run of provision has planned as a comment of a pull request at GitHub, and updates that comment from
then on. Repository and token: GITHUB_REPOSITORY, GITHUB_API_URL and GITHUB_TOKEN, as a workflow has them, or .env for
the token.`,
  options: {
    plan: '=FILE  what provision --dry-run --json has written',
    'pull-request': '=N  its number (default: that of the event in GITHUB_EVENT_PATH)',
    commit: '=SHA  what was planned (default: the head of the pull request, or GITHUB_SHA)',
    'dry-run': 'print the comment and post nothing',
  },
  examples: [
    '--plan plan.jsonl',
    '--plan plan.jsonl --pull-request 7',
    '--plan plan.jsonl --commit $(git rev-parse HEAD) --dry-run',
  ],
  async run({ values, signal }) {
    const context = await readActionsContext(process.env);
    const body = formatPlanComment(await readPlans(requiredText(values, 'plan')), commitOption(values, context.commit));
    if (values['dry-run'] === true) return { text: body, data: { body } };
    const pullRequest = pullRequestOption(values, context.pullRequest);
    const github = openGitHub({ ...context, token: await context.token(), signal });
    const comment = await commentPlans(pullRequestComments(github, pullRequest), body);
    return { text: `${comment.action}: ${comment.url}`, data: { pullRequest, ...comment } };
  },
});
