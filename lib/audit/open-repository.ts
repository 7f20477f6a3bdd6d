import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CoffreError } from '../model/error.ts';
import { parseGitRemote } from '../model/git-remote.ts';
import { type GitOptions, runGit, type SshAccess, tryGit } from '../system/git.ts';
import type { HttpsAccess } from '../system/git-credential.ts';
import { withPassingFolder } from '../system/passing-folder.ts';

/** The audit repository where it stands: a folder with a work tree, a bare repository, or a remote. */
export interface Source {
  readonly location: string;
  /** The branch to read; the current one if absent. */
  readonly branch?: string;
  readonly ssh?: SshAccess;
  readonly https?: HttpsAccess;
  readonly timeoutMs?: number;
  readonly silenceMs?: number;
}

/** What stands for HEAD: `detached` where it is no branch but a commit; `asked` where a branch was named and HEAD did not count. */
export type CurrentBranch =
  | { readonly kind: 'branch'; readonly name: string }
  | { readonly kind: 'detached' }
  | { readonly kind: 'asked' };

/** A repository on this machine, and the commit in it that is read; null while it has none. */
export interface OpenRepository {
  readonly repository: string;
  readonly head: string | null;
  /** Whether a part of the history is missing here. */
  readonly shallow: boolean;
  readonly branch: CurrentBranch;
}

/**
 * Hands the repository to `act`. A remote is cloned, bare, into a temporary folder that is removed afterwards; a folder
 * is read in place, from its objects alone. Throws `not-found` for a folder that is no repository.
 */
export async function withRepository<T>(source: Source, act: (open: OpenRepository) => Promise<T>): Promise<T> {
  const folder = resolve(source.location);
  const there = await stat(folder).catch(() => undefined);
  if (there?.isDirectory()) return act(await open(folder, source.branch));
  const { transport, fault } = parseGitRemote(source.location);
  if (fault !== undefined || transport === 'file') {
    throw new CoffreError('not-found', `cannot open the audit repository: ${fault ?? 'there is no such folder'}`, {
      hint: 'name a folder, or a remote such as ssh://git@server/backup-audit.git',
    });
  }
  return await withPassingFolder('audit', async (temporary) => {
    const branch = source.branch === undefined ? [] : ['--branch', source.branch];
    const options: GitOptions = {
      cwd: temporary,
      ...(source.ssh === undefined ? {} : { ssh: source.ssh }),
      ...(source.https === undefined ? {} : { https: source.https }),
      ...(source.timeoutMs === undefined ? {} : { timeoutMs: source.timeoutMs }),
      ...(source.silenceMs === undefined ? {} : { silenceMs: source.silenceMs }),
    };
    await runGit(
      ['clone', '--quiet', '--bare', '--no-tags', '--single-branch', ...branch, '--', source.location, 'audit.git'],
      options,
    );
    return await act(await open(join(temporary, 'audit.git'), source.branch));
  });
}

async function open(folder: string, branch: string | undefined): Promise<OpenRepository> {
  const found = await tryGit(['rev-parse', '--absolute-git-dir', '--is-shallow-repository'], { cwd: folder });
  if (found.exitCode !== 0) {
    throw new CoffreError('not-found', `cannot open the audit repository ${folder}: it is not a git repository`, {
      hint: 'clone the repository that audit.remote in the inventory names',
    });
  }
  const [repository = '', shallow = ''] = found.stdout.trim().split('\n');
  const name = branch === undefined ? 'HEAD' : `refs/heads/${branch}`;
  const head = await tryGit(['rev-parse', '--verify', '--quiet', `${name}^{commit}`], { cwd: repository });
  if (head.exitCode !== 0 && branch !== undefined) {
    throw new CoffreError('not-found', `cannot open the audit repository: it has no branch ${branch}`, {
      hint: `look at: git -C ${folder} branch --all`,
    });
  }
  await assertAllHere(folder, repository);
  return {
    repository,
    head: head.exitCode === 0 ? head.stdout.trim() : null,
    shallow: shallow === 'true',
    branch: branch === undefined ? await currentBranch(repository) : { kind: 'asked' },
  };
}

async function currentBranch(repository: string): Promise<CurrentBranch> {
  const current = await tryGit(['symbolic-ref', '--quiet', '--short', 'HEAD'], { cwd: repository });
  return current.exitCode === 0 ? { kind: 'branch', name: current.stdout.trim() } : { kind: 'detached' };
}

/** A partial clone lacks objects, and git would fetch them one by one, from wherever its configuration says. Throws `not-found`. */
async function assertAllHere(folder: string, repository: string): Promise<void> {
  const partial = await tryGit(['config', '--local', '--get-regexp', '^remote\\..*\\.promisor$'], { cwd: repository });
  if (partial.exitCode !== 0) return;
  const listed = await tryGit(['rev-list', '--objects', '--missing=print', 'HEAD'], { cwd: repository });
  if (listed.exitCode === 0 && !/^\?/m.test(listed.stdout)) return;
  throw new CoffreError(
    'not-found',
    `cannot read the audit repository ${folder}: it is a clone without all of its files`,
    {
      hint: `clone it whole, without --filter; or bring the rest: git -C ${folder} fetch --refetch --no-filter`,
    },
  );
}
