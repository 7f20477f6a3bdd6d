import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitAudit } from '../model/audit-config.ts';
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
  readonly options: Pick<GitOptions, 'ssh' | 'https' | 'timeoutMs' | 'silenceMs' | 'signal'>;
}

const LOCK_WAIT_MS = 300_000;

/**
 * Hands `act` the clone under `<state>/audit`, one process at a time. The clone is a cache: one that is damaged, or
 * that belongs to another remote, is thrown away and made anew.
 */
export async function withClone<T>(
  stateFolder: string,
  audit: GitAudit,
  options: Pick<GitOptions, 'https' | 'timeoutMs' | 'silenceMs' | 'signal'>,
  act: (clone: Clone) => Promise<T>,
): Promise<T> {
  const { fault } = parseGitRemote(audit.remote);
  if (fault !== undefined) {
    throw new CoffreError('refused', `cannot use the audit repository: ${fault}`, {
      hint: 'see audit.remote in the inventory',
    });
  }
  const ssh = { identity: audit.identity, hostKey: audit.hostKey };
  return await withStore(stateFolder, audit.remote, (repository) =>
    act({ repository, remote: audit.remote, branch: audit.branch, options: { ...options, ssh } }),
  );
}

/**
 * As `withClone`, for one who fetches nothing with git: an object store, which belongs to the repository `address`. When `act`
 * throws `unexpected`, which a damaged one makes it do, it is called again with a new one.
 */
export async function withStore<T>(
  stateFolder: string,
  address: string,
  act: (repository: string) => Promise<T>,
): Promise<T> {
  const store: Store = { repository: join(stateFolder, 'audit'), address };
  return exclusively(stateFolder, 'audit', LOCK_WAIT_MS, async () => {
    if (!(await isStoreOf(store))) await makeStore(store);
    try {
      return await act(store.repository);
    } catch (error) {
      if (!(error instanceof CoffreError) || error.code !== 'unexpected') throw error;
      await makeStore(store);
      return await act(store.repository);
    }
  });
}

interface Store {
  readonly repository: string;
  readonly address: string;
}

async function isStoreOf({ repository, address }: Store): Promise<boolean> {
  try {
    if (!(await lstat(repository)).isDirectory()) return false;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  const folder = await tryGit(['rev-parse', '--absolute-git-dir', '--is-bare-repository'], { cwd: repository });
  const origin = await tryGit(['config', '--local', '--get', 'coffre.remote'], { cwd: repository });
  return folder.stdout.trim().endsWith('\ntrue') && origin.stdout.trim() === address;
}

async function makeStore({ repository, address }: Store): Promise<void> {
  await removeDurably(repository);
  await makeFolder(repository, 0o700);
  await runGit(['init', '--quiet', '--bare', '.'], { cwd: repository });
  await runGit(['config', '--local', 'coffre.remote', address], { cwd: repository });
}
