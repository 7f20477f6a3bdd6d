import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditConfig } from '../model/audit-config.ts';
import { CoffreError, errnoOf } from '../model/error.ts';
import { parseGitRemote } from '../model/git-remote.ts';
import { exclusively } from '../system/exclusive.ts';
import { makeFolder, removeDurably } from '../system/files.ts';
import { type GitOptions, runGit, tryGit } from '../system/git.ts';

/** The host's own bare clone of the audit repository: objects only, never a work tree that a link could lead out of. */
export interface Clone {
  readonly repository: string;
  readonly remote: string;
  readonly branch: string;
  readonly options: Pick<GitOptions, 'ssh' | 'timeoutMs' | 'signal'>;
}

const LOCK_WAIT_MS = 300_000;

/**
 * Hands `act` the clone under `<state>/audit`, one process at a time. The clone is a cache: one that is damaged, or
 * that belongs to another remote, is thrown away and made anew.
 */
export async function withClone<T>(
  stateFolder: string,
  audit: AuditConfig,
  options: Pick<GitOptions, 'timeoutMs' | 'signal'>,
  act: (clone: Clone) => Promise<T>,
): Promise<T> {
  const { fault } = parseGitRemote(audit.remote);
  if (fault !== undefined) {
    throw new CoffreError('refused', `cannot use the audit repository: ${fault}`, {
      hint: 'see audit.remote in the inventory',
    });
  }
  const repository = join(stateFolder, 'audit');
  const ssh = { identity: audit.identity, hostKey: audit.hostKey };
  const clone: Clone = { repository, remote: audit.remote, branch: audit.branch, options: { ...options, ssh } };
  return exclusively(stateFolder, 'audit', LOCK_WAIT_MS, async () => {
    if (!(await isCloneOf(clone))) await makeClone(clone);
    try {
      return await act(clone);
    } catch (error) {
      if (!(error instanceof CoffreError) || error.code !== 'unexpected') throw error;
      await makeClone(clone);
      return await act(clone);
    }
  });
}

async function isCloneOf({ repository, remote }: Clone): Promise<boolean> {
  try {
    if (!(await lstat(repository)).isDirectory()) return false;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  const folder = await tryGit(['rev-parse', '--absolute-git-dir', '--is-bare-repository'], { cwd: repository });
  const origin = await tryGit(['config', '--local', '--get', 'coffre.remote'], { cwd: repository });
  return folder.stdout.trim().endsWith('\ntrue') && origin.stdout.trim() === remote;
}

async function makeClone({ repository, remote }: Clone): Promise<void> {
  await removeDurably(repository);
  await makeFolder(repository, 0o700);
  await runGit(['init', '--quiet', '--bare', '.'], { cwd: repository });
  await runGit(['config', '--local', 'coffre.remote', remote], { cwd: repository });
}
