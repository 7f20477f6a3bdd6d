import { dirname, resolve } from 'node:path';
import type { GitAudit, GitHubAudit } from '../model/audit-config.ts';
import { gitAddressOf } from '../model/audit-config.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import { parseGitRemote } from '../model/git-remote.ts';
import { type Clock, systemClock } from '../system/clock.ts';
import type { HttpsAccess } from '../system/git-credential.ts';
import type { GitHubOptions } from '../system/github.ts';
import { installationToken } from '../system/github-app.ts';
import type { GitHubNames } from '../system/github-failure.ts';
import { readPrivately, readSecrets } from '../system/secrets.ts';

/*
 * What lets a machine in at the audit repository stands in its .env file:
 *
 *   COFFRE_GIT_TOKEN            kind git, https remote; nobody logs in without it
 *   COFFRE_GITHUB_TOKEN         kind github
 *   COFFRE_GITHUB_APP_KEY_FILE  kind github, with audit.app: the file with the App's private key, mode 0600
 */

/** For one answer; a token is asked for once in each run. */
type Limits = Pick<GitHubOptions, 'timeoutMs' | 'signal' | 'secondMs'>;

const USER = 'x-access-token';

/** How git logs in at an https remote; undefined for any other. Throws `audit-unreachable` when the secrets cannot be read. */
export async function gitLogin(audit: GitAudit, secretsFile: string): Promise<HttpsAccess | undefined> {
  if (parseGitRemote(audit.remote).transport !== 'https') return undefined;
  const token = await orUnreachable(async () => (await readSecrets(secretsFile)).optional('COFFRE_GIT_TOKEN'));
  return { address: audit.remote, user: audit.user ?? USER, token, caFile: audit.ca };
}

/**
 * How git reads a repository at GitHub: with the token where there is one. Throws `audit-unreachable` as `githubToken` does,
 * except where the file names none.
 */
export async function gitHubReading(
  audit: GitHubAudit,
  secretsFile: string,
  limits: Limits = {},
): Promise<HttpsAccess> {
  const secrets = await orUnreachable(() => readSecrets(secretsFile));
  const name = audit.app === undefined ? 'COFFRE_GITHUB_TOKEN' : 'COFFRE_GITHUB_APP_KEY_FILE';
  const isSet = secrets.optional(name) !== undefined;
  const token = isSet ? await githubToken(audit, secretsFile, 'read', limits) : undefined;
  return { address: gitAddressOf(audit), user: USER, token };
}

/** The token for the repository. Throws `audit-unreachable` when there is none, with what has to be written where. */
export async function githubToken(
  audit: GitHubAudit,
  secretsFile: string,
  access: 'read' | 'write',
  limits: Limits = {},
  clock: Clock = systemClock,
): Promise<string> {
  return await orUnreachable(async () => {
    const secrets = await readSecrets(secretsFile);
    const { app, api: apiUrl, repository } = audit;
    if (app === undefined) return secrets.secret('COFFRE_GITHUB_TOKEN');
    const path = resolve(dirname(secretsFile), secrets.secret('COFFRE_GITHUB_APP_KEY_FILE'));
    const privateKey = await readPrivately(path);
    if (privateKey === undefined) {
      throw new CoffreError('not-found', `cannot read the private key of the GitHub App: there is no ${path}`, {
        hint: `COFFRE_GITHUB_APP_KEY_FILE in ${secretsFile} names it`,
      });
    }
    const options = { ...limits, apiUrl, repository, names: githubNames(audit) };
    return await installationToken({ ...app, privateKey }, access, options, clock);
  });
}

/** What hints about this repository speak of. */
export function githubNames({ app }: GitHubAudit): GitHubNames {
  return {
    token:
      app === undefined
        ? 'COFFRE_GITHUB_TOKEN of the .env file'
        : "audit.app right, the App's key the one of COFFRE_GITHUB_APP_KEY_FILE, the clock of this machine",
    permission:
      'it needs the permission Contents: read and write, for this repository alone; a ruleset may also have to let it push to the branch',
    address: 'audit.repository in the inventory, and what the token or the App was given access to,',
  };
}

/**
 * Whatever keeps a machine from its token keeps it from the audit repository, and from nothing else: a record that cannot be
 * published now waits.
 */
async function orUnreachable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const { code, message, hint = 'look at the .env file' } = asCoffreError(error);
    if (code === 'interrupted') throw error;
    throw new CoffreError('audit-unreachable', `cannot log in at the audit repository: ${message}`, { hint });
  }
}
