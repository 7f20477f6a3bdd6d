import { appendFile } from 'node:fs/promises';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { explained } from './explained.ts';
import { readRequired } from './files.ts';
import { learnSecret } from './known-secrets.ts';
import { readSecrets } from './secrets.ts';

/** What GitHub Actions tells the steps of a workflow; by hand the same variables are set. */
export interface ActionsContext {
  /** `owner/name`; empty when nobody says. */
  readonly repository: string;
  readonly apiUrl: string;
  /** The pull request that the workflow runs for; undefined for another event. */
  readonly pullRequest: number | undefined;
  /** The commit that was pushed; for a pull request the head of its branch, not GitHub's own merge of it. */
  readonly commit: string | undefined;
  /** From GITHUB_TOKEN, or else from the .env file. Throws `not-found` when it is in neither. */
  token(): Promise<string>;
}

/** Adds to the summary of the job, where this runs in a step of GitHub Actions. Returns whether it does. */
export async function appendJobSummary(env: NodeJS.ProcessEnv, markdown: string): Promise<boolean> {
  if (!env.GITHUB_STEP_SUMMARY) return false;
  await appendFile(env.GITHUB_STEP_SUMMARY, markdown).catch((error: unknown) => {
    throw explained('write', env.GITHUB_STEP_SUMMARY ?? '', error);
  });
  return true;
}

const Event = z.object({
  pull_request: z.object({ number: z.int().positive(), head: z.object({ sha: z.string() }) }).optional(),
});

/**
 * Reads the variables and the event file. Throws `usage` for an event that cannot be read.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/variables
 */
export async function readActionsContext(env: NodeJS.ProcessEnv, secretsFile = '.env'): Promise<ActionsContext> {
  const { GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_EVENT_PATH, GITHUB_SHA, GITHUB_TOKEN } = env;
  if (GITHUB_TOKEN) learnSecret(GITHUB_TOKEN);
  const event = GITHUB_EVENT_PATH ? await readEvent(GITHUB_EVENT_PATH) : {};
  return {
    repository: GITHUB_REPOSITORY ?? '',
    apiUrl: GITHUB_API_URL || 'https://api.github.com',
    pullRequest: event.pull_request?.number,
    commit: event.pull_request?.head.sha ?? GITHUB_SHA,
    token: async () => GITHUB_TOKEN || (await readSecrets(secretsFile)).secret('GITHUB_TOKEN'),
  };
}

async function readEvent(path: string): Promise<z.infer<typeof Event>> {
  const text = (await readRequired(path)).toString('utf8');
  try {
    return Event.parse(JSON.parse(text));
  } catch {
    throw new CoffreError('usage', `cannot read the event in ${path}: it is not what GitHub writes`, {
      hint: 'GITHUB_EVENT_PATH is set by GitHub Actions; by hand leave it unset and name --pull-request and --commit',
    });
  }
}
