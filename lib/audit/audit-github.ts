import type { GitHubAudit } from '../model/audit-config.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import { type GitHub, type GitHubOptions, openGitHub } from '../system/github.ts';
import { type GitHubGit, gitHubGit } from '../system/github-git.ts';
import { githubNames, githubToken } from './audit-secrets.ts';

/** How long each answer, and each wait, may take. */
export type GitHubLimits = Pick<GitHubOptions, 'timeoutMs' | 'signal' | 'secondMs'>;

/**
 * The audit repository at GitHub, with the right to write. Whatever GitHub does not do is `audit-unreachable`, with its
 * reason: the callers have nothing else to do about it than to try again later.
 */
export async function openAuditGitHub(
  audit: GitHubAudit,
  secretsFile: string,
  limits: GitHubLimits,
): Promise<GitHubGit> {
  const token = await githubToken(audit, secretsFile, 'write', limits);
  const { api: apiUrl, repository } = audit;
  const github = openGitHub({ ...limits, token, apiUrl, repository, names: githubNames(audit) });
  return gitHubGit(asAudit(github, repository));
}

function asAudit(github: GitHub, repository: string): GitHub {
  return {
    async ask(what, call) {
      try {
        return await github.ask(what, call);
      } catch (error) {
        const { code, message, hint = 'try again' } = asCoffreError(error);
        if (code === 'interrupted') throw error;
        throw new CoffreError('audit-unreachable', message.replace(' at GitHub', ` at GitHub, ${repository}`), {
          hint,
        });
      }
    },
  };
}
