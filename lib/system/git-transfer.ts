import { CoffreError } from '../model/error.ts';
import { type GitOptions, gitFailure, tryGit } from './git.ts';

/** A branch of a remote, seen from a local repository. */
interface RemoteBranch {
  readonly repository: string;
  readonly remote: string;
  readonly branch: string;
  readonly options?: Omit<GitOptions, 'cwd'>;
}

/** Brings the branch here, under `refs/remotes/origin/`. Returns its commit; undefined when the remote has no such branch yet. */
export async function fetchBranch({ repository, remote, branch, options }: RemoteBranch): Promise<string | undefined> {
  const tracking = `refs/remotes/origin/${branch}`;
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--', remote];
  args.push(`+refs/heads/${branch}:${tracking}`);
  const local = { ...options, cwd: repository };
  const fetched = await tryGit(args, local);
  if (fetched.exitCode !== 0) {
    if (!/couldn't find remote ref/i.test(fetched.stderr)) throw gitFailure(args, fetched, local);
    await tryGit(['update-ref', '-d', tracking], { cwd: repository });
    return undefined;
  }
  const head = await tryGit(['rev-parse', '--verify', `${tracking}^{commit}`], { cwd: repository });
  if (head.exitCode !== 0) throw gitFailure(['rev-parse'], head, local);
  return head.stdout.trim();
}

/**
 * Pushes `commit` to the branch, as a fast-forward only. `outrun` when another has pushed first: fetch, rebuild, and
 * push again. Throws `refused` when the remote's own rules forbid the push.
 */
export async function pushBranch(target: RemoteBranch, commit: string): Promise<'pushed' | 'outrun'> {
  const args = ['push', '--porcelain', '--no-verify', '--', target.remote, `${commit}:refs/heads/${target.branch}`];
  const local = { ...target.options, cwd: target.repository };
  const pushed = await tryGit(args, local);
  if (pushed.exitCode === 0) return 'pushed';
  const said = `${pushed.stdout}\n${pushed.stderr}`;
  if (
    /non-fast-forward|fetch first|stale info|cannot lock ref|failed to update ref|reference already exists/i.test(said)
  ) {
    return 'outrun';
  }
  if (
    /\[remote rejected\].*(hook declined|protected|prohibited|denied|checked out|not allowed|permission)/i.test(said)
  ) {
    const why = `the remote's rules forbid it${reasonIn(said)}`;
    throw new CoffreError('refused', `cannot push to the branch ${target.branch}: ${why}`, {
      hint: `allow this machine's user to push to ${target.branch}, without force: it adds commits and never rewrites any`,
    });
  }
  throw gitFailure(args, pushed, local);
}

/** What the remote, or a hook of it, gave as its reason; without what could move the cursor of a terminal. */
function reasonIn(said: string): string {
  const [, inBrackets = ''] = /\[remote rejected\][^(\n]*\(([^)\n]*)\)/i.exec(said) ?? [];
  const lines = said.split('\n').flatMap((line) => /^remote: *(?!error: hook declined)(\S.*)$/.exec(line)?.[1] ?? []);
  const reason = [inBrackets, ...lines.slice(0, 2)].map((text) => text.replaceAll(/[^\x20-\x7e]/g, '').trim());
  const told = reason.filter((text) => text !== '').join('; ');
  return told === '' ? '' : ` (${told.slice(0, 300)})`;
}
