import { gitFailure, runGit, tryGit } from '../system/git.ts';

/** A commit that changed or removed what another had added below `manifests/` or `drills/`. */
export interface Rewrite {
  readonly commit: string;
  readonly path: string;
  readonly change: 'changed' | 'removed';
}

/** Every change and removal below `manifests/` and `drills/` in the history of `commit`, merges compared with each parent. */
export async function readRewrites(repository: string, commit: string): Promise<Rewrite[]> {
  const commits = await runGit(['rev-list', commit], { cwd: repository });
  const args = ['diff-tree', '--stdin', '-r', '-m', '-z', '--no-renames', '--diff-filter=MDT', '--name-status'];
  const listing = await runGit([...args, '--', 'manifests', 'drills'], { cwd: repository, input: commits });
  const rewrites: Rewrite[] = [];
  let current = '';
  const words = listing.split('\0');
  for (let index = 0; index < words.length; index += 1) {
    const word = (words[index] ?? '').trim();
    if (/^[0-9a-f]{40,64}$/.test(word)) current = word;
    else if (/^[MDT]$/.test(word)) {
      index += 1;
      rewrites.push({ commit: current, path: words[index] ?? '', change: word === 'D' ? 'removed' : 'changed' });
    }
  }
  return rewrites;
}

/** Whether `head` was built on `since`, a commit that was the head before. A commit that is gone was rewritten. */
export async function descendsFrom(repository: string, head: string, since: string): Promise<boolean> {
  const known = await tryGit(['rev-parse', '--verify', '--quiet', '--end-of-options', `${since}^{commit}`], {
    cwd: repository,
  });
  if (known.exitCode !== 0) return false;
  const args = ['merge-base', '--is-ancestor', known.stdout.trim(), head];
  const ended = await tryGit(args, { cwd: repository });
  if (ended.exitCode === 0 || ended.exitCode === 1) return ended.exitCode === 0;
  throw gitFailure(args, ended);
}
