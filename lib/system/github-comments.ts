import * as z from 'zod';
import type { GitHub } from './github.ts';
import { ownLogin } from './github-login.ts';
import { publicText } from './known-secrets.ts';

const Comment = z.object({
  id: z.int(),
  body: z.string().default(''),
  /** null when the account is gone. */
  user: z.object({ login: z.string() }).nullable(),
  html_url: z.string(),
});

/** A comment in the conversation of a pull request. */
export interface PullRequestComment {
  readonly id: number;
  readonly body: string;
  /** null when the account is gone. */
  readonly author: string | null;
  readonly url: string;
}

/** The comments of one pull request. Throws what `ask` throws. */
export interface PullRequestComments {
  /** The login that our own comments bear, such as `github-actions[bot]`. */
  self(): Promise<string>;
  /** The oldest first. */
  list(): Promise<readonly PullRequestComment[]>;
  /** Is sent once only: after `github-unreachable` it may be there all the same. */
  create(body: string): Promise<PullRequestComment>;
  update(id: number, body: string): Promise<PullRequestComment>;
  remove(id: number): Promise<void>;
}

/** https://docs.github.com/en/rest/issues/comments: to GitHub a pull request is an issue. */
export function pullRequestComments(github: GitHub, pullRequest: number): PullRequestComments {
  const subject = `pull request ${pullRequest}`;
  return {
    self: () => ownLogin(github),
    list: () =>
      github.ask(`list the comments of ${subject}`, async (octokit, repository) => {
        const place = { ...repository, issue_number: pullRequest, per_page: 100 };
        const found = await octokit.paginate(octokit.rest.issues.listComments, place);
        return found.map(parseComment).sort((a, b) => a.id - b.id);
      }),
    create: (body) =>
      github.ask(`comment on ${subject}`, async (octokit, repository) => {
        const text = publicText(body);
        const once = { ...repository, issue_number: pullRequest, body: text, request: { retries: 0 } };
        return parseComment((await octokit.rest.issues.createComment(once)).data);
      }),
    update: (id, body) =>
      github.ask(`update a comment of ${subject}`, async (octokit, repository) => {
        const changed = { ...repository, comment_id: id, body: publicText(body) };
        return parseComment((await octokit.rest.issues.updateComment(changed)).data);
      }),
    remove: (id) =>
      github.ask(`remove a comment of ${subject}`, async (octokit, repository) => {
        await octokit.rest.issues.deleteComment({ ...repository, comment_id: id });
      }),
  };
}

function parseComment(answer: unknown): PullRequestComment {
  const { id, body, user, html_url: url } = Comment.parse(answer);
  return { id, body, author: user?.login ?? null, url };
}
