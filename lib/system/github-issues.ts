import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import type { GitHub } from './github.ts';
import type { GitHubNames } from './github-failure.ts';
import { ownLogin } from './github-login.ts';
import { publicText } from './known-secrets.ts';

/** What hints speak of, where it is about issues. */
export const ISSUE_NAMES: GitHubNames = {
  token: 'GITHUB_TOKEN',
  permission: 'the token needs to write issues: in a workflow, permissions: issues: write',
  address: 'GITHUB_REPOSITORY, and whether issues are on in its settings,',
};

const Issue = z.object({
  number: z.int().positive(),
  state: z.string(),
  body: z.string().nullish(),
  /** null when the account is gone. */
  user: z.object({ login: z.string() }).nullable(),
  labels: z.array(z.union([z.string(), z.object({ name: z.string().nullish() })])),
  html_url: z.string(),
  /** To GitHub a pull request is an issue, too. */
  pull_request: z.unknown().optional(),
});

/** An issue of a repository; never a pull request. */
export interface RepositoryIssue {
  readonly number: number;
  readonly body: string;
  readonly open: boolean;
  /** null when the account is gone. */
  readonly author: string | null;
  readonly labels: readonly string[];
  readonly url: string;
}

/** What is to become of an issue; what is absent stays. */
export interface IssueChange {
  readonly body?: string;
  readonly open?: boolean;
  /** All of them: those that are not named are taken away. */
  readonly labels?: readonly string[];
}

interface Label {
  readonly name: string;
  /** Six hex digits. */
  readonly color: string;
  readonly description: string;
}

/** The issues of one repository. Throws what `ask` throws; `not-found` also where the repository has no issues at all. */
export interface RepositoryIssues {
  /** The login that our own issues bear, such as `github-actions[bot]`. */
  self(): Promise<string>;
  /** Every issue with `label`, and every open one; the oldest first. */
  list(label: string): Promise<readonly RepositoryIssue[]>;
  /** Is sent once only: after `github-unreachable` it may be there all the same. */
  create(title: string, body: string, label: string): Promise<RepositoryIssue>;
  update(number: number, change: IssueChange): Promise<RepositoryIssue>;
  /** Is sent once only. */
  comment(number: number, body: string): Promise<void>;
  /** Makes the label, where there is none of that name. */
  provideLabel(label: Label): Promise<void>;
}

/** https://docs.github.com/en/rest/issues */
export function repositoryIssues(github: GitHub): RepositoryIssues {
  return {
    self: () => ownLogin(github),
    // An open one is found without the label, too: somebody may have taken it away.
    list: (label) =>
      github.ask('list the issues', async (octokit, repository) => {
        const all = { ...repository, per_page: 100, sort: 'created', direction: 'asc' } as const;
        const { listForRepo } = octokit.rest.issues;
        const labelled = await octokit.paginate(listForRepo, { ...all, state: 'all', labels: label });
        const open = await octokit.paginate(listForRepo, { ...all, state: 'open' });
        const found = new Map([...labelled, ...open].map((answer) => [answer.number, answer]));
        return [...found.values()].flatMap(parseIssue).sort((a, b) => a.number - b.number);
      }),
    create: (title, body, label) =>
      github.ask('open an issue', async (octokit, repository) => {
        const text = { title: publicText(title), body: publicText(body) };
        const once = { ...repository, ...text, labels: [label], request: { retries: 0 } };
        return theIssue((await octokit.rest.issues.create(once)).data);
      }),
    update: (number, { body, open, labels }) =>
      github.ask(`update issue ${number}`, async (octokit, repository) => {
        const state = open === undefined ? {} : ({ state: open ? 'open' : 'closed' } as const);
        const { data } = await octokit.rest.issues.update({
          ...{ ...repository, issue_number: number, ...state },
          ...(open === false ? { state_reason: 'completed' as const } : {}),
          ...(body === undefined ? {} : { body: publicText(body) }),
          ...(labels === undefined ? {} : { labels: [...labels] }),
        });
        return theIssue(data);
      }),
    comment: (number, body) =>
      github.ask(`comment on issue ${number}`, async (octokit, repository) => {
        const once = { ...repository, issue_number: number, body: publicText(body), request: { retries: 0 } };
        await octokit.rest.issues.createComment(once);
      }),
    provideLabel: async (label) => {
      if (await hasLabel(github, label.name)) return;
      await github.ask(`make the label ${label.name}`, async (octokit, repository) => {
        try {
          await octokit.rest.issues.createLabel({ ...repository, ...label });
        } catch (error) {
          // Somebody else has just made it.
          if (!(await hasLabel(github, label.name))) throw error;
        }
      });
    },
  };
}

async function hasLabel(github: GitHub, name: string): Promise<boolean> {
  try {
    await github.ask('look for a label', (octokit, repository) =>
      octokit.rest.issues.getLabel({ ...repository, name }),
    );
    return true;
  } catch (error) {
    if (error instanceof CoffreError && error.code === 'not-found') return false;
    throw error;
  }
}

function parseIssue(answer: unknown): RepositoryIssue[] {
  const { number, state, body, user, labels, html_url: url, pull_request: pullRequest } = Issue.parse(answer);
  if (pullRequest !== undefined && pullRequest !== null) return [];
  const names = labels.flatMap((label) => (typeof label === 'string' ? [label] : label.name ? [label.name] : []));
  return [{ number, body: body ?? '', open: state === 'open', author: user?.login ?? null, labels: names, url }];
}

function theIssue(answer: unknown): RepositoryIssue {
  const [issue] = parseIssue(answer);
  if (issue) return issue;
  throw new CoffreError('unexpected', 'cannot go on: GitHub answers with a pull request instead of an issue', {
    hint: 'try again',
  });
}
