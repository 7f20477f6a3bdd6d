import { terminate } from '../system/command.ts';
import { gitFailure, startGit, tryGit } from '../system/git.ts';
import { gitWords } from './git-words.ts';

/** A commit that changed or removed what another had added below `manifests/` or `drills/`. */
export interface Rewrite {
  readonly commit: string;
  readonly path: string;
  readonly change: 'changed' | 'removed';
}

/** A file that a commit brought. */
export interface Arrival {
  readonly commit: string;
  readonly path: string;
  /** As whoever made the commit has written it: nobody checks that. */
  readonly committedAt: Date;
}

export interface History {
  /** The first thousand, where there are more. */
  readonly rewrites: readonly Rewrite[];
  /** Those that the caller wanted to keep; a thousand, where there are more. */
  readonly arrivals: readonly Arrival[];
}

interface HistoryOptions {
  readonly repository: string;
  readonly head: string;
  /** A commit that `head` was built on and whose own history is known already. */
  readonly known?: string | undefined;
  keepArrival(arrival: Arrival): boolean;
}

/** As many are named; whoever rewrites a thousand files has been seen. */
const LIMIT = 1000;
const HEADER = /^\s*([0-9a-f]{40,64}) (\d+)\s*$/;

/**
 * What the commits up to `head` did below `manifests/` and `drills/`: each change and removal, merges compared with each of
 * their parents, and the files that came and that `keepArrival` wants. Two processes of git, whose answers pass by.
 */
export async function readHistory({ repository, head, known, keepArrival }: HistoryOptions): Promise<History> {
  const commits = startGit(['rev-list', head, ...(known === undefined ? [] : [`^${known}`])], repository);
  commits.stdin.end();
  const form = ['--format=%H %ct', '--no-renames', '--diff-filter=AMDT', '--name-status'];
  const args = ['diff-tree', '--stdin', '--root', '-r', '-m', '-z', ...form, '--', 'manifests', 'drills'];
  const rewrites: Rewrite[] = [];
  const arrivals: Arrival[] = [];
  let commit = '';
  let committedAt = new Date(0);
  let status = '';
  try {
    for await (const words of gitWords(repository, args, commits.stdout)) {
      for (const word of words) {
        if (status === '') {
          const [, id, seconds] = HEADER.exec(word) ?? [];
          if (id !== undefined) [commit, committedAt] = [id, new Date(Number(seconds) * 1000)];
          else status = word.trim();
          continue;
        }
        if (status !== 'A') rewrites.push({ commit, path: word, change: status === 'D' ? 'removed' : 'changed' });
        else if (arrivals.length < LIMIT) {
          const arrival = { commit, path: word, committedAt };
          if (keepArrival(arrival)) arrivals.push(arrival);
        }
        status = '';
      }
      if (rewrites.length >= LIMIT) return { rewrites: rewrites.slice(0, LIMIT), arrivals };
    }
    const { exitCode, stderr } = await commits.ended;
    if (exitCode !== 0) throw gitFailure(['rev-list'], { exitCode, stdout: '', stderr });
    return { rewrites, arrivals };
  } finally {
    terminate(commits.child);
  }
}

/** The paths below `manifests/` and `drills/` that `head` has, and that a commit before it has not, or not so. */
export async function readNews(repository: string, since: string, head: string): Promise<ReadonlySet<string>> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--diff-filter=AMT', '--name-only', since, head];
  const paths = new Set<string>();
  for await (const words of gitWords(repository, [...args, '--', 'manifests', 'drills']))
    for (const word of words) paths.add(word);
  return paths;
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
