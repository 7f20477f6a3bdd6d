import type { GitHubAudit } from '../model/audit-config.ts';
import { gitAddressOf } from '../model/audit-config.ts';
import { CoffreError } from '../model/error.ts';
import { tryGit } from '../system/git.ts';
import type { BranchHead, GitHubGit, Person } from '../system/github-git.ts';
import { openAuditGitHub } from './audit-github.ts';
import { withStore } from './clone.ts';
import { authorOf, messageOf } from './commit-text.ts';
import { readBlobs } from './git-objects.ts';
import { readGitHubFolder } from './github-folder.ts';
import { folderOf } from './paths.ts';
import { type Blob, writeBlobs, writeTree } from './publication-blobs.ts';
import {
  assertOneChain,
  backOff,
  chainOf,
  type Done,
  outrun,
  type Patience,
  type PublishOptions,
} from './publish-order.ts';
import { keepWitness, type Lost, ofChain, readLost, squattedBy } from './published-witness.ts';
import type { SignedRecord } from './signed-record.ts';

/** A commit at GitHub takes some seconds, and one of many hosts lands at a time. */
const PATIENCE: Patience = { attempts: 24, firstMs: 3000, longestMs: 30_000 };

const README = `# Backup audit

Signed records of backups, of each run of each host, and of each drill. A record is never changed and never removed: each
names the one before it by its SHA-256. To check one without any of the software that made it:

    ssh-keygen -Y verify -f allowed_signers -I <host> -n coffre-manifest -s <record>.json.sig < <record>.json
`;

/**
 * Publishes to a repository at GitHub, by its Git database. What this machine has published stays in an object store of its
 * own, so that what is taken away over there can be seen, and put back. Throws what kept it from publishing.
 */
export async function publishByGitHub(
  audit: GitHubAudit,
  waiting: readonly SignedRecord[],
  options: PublishOptions,
): Promise<Done> {
  const { timeoutMs, secondMs, signal, stateFolder, cloneFolder = stateFolder, secretsFile } = options;
  const git = await openAuditGitHub(audit, secretsFile, {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(secondMs === undefined ? {} : { secondMs }),
    ...(signal === undefined ? {} : { signal }),
  });
  return await withStore(cloneFolder, gitAddressOf(audit), (store) => push(git, store, audit, waiting, options));
}

async function push(
  git: GitHubGit,
  store: string,
  audit: GitHubAudit,
  waiting: readonly SignedRecord[],
  options: PublishOptions,
): Promise<Done> {
  const { attempts = PATIENCE.attempts, host, driller = host, clock } = options;
  const { branch } = audit;
  const chain = chainOf(options);
  const person: Person = { ...authorOf(driller), date: new Date(clock.now().setMilliseconds(0)).toISOString() };
  const added = await writeBlobs(store, waiting);
  const stored = new Set<string>();
  for (let attempt = 0; attempt < attempts; ) {
    await backOff(attempt, PATIENCE, options);
    const head = await git.head(branch);
    if (head.kind === 'empty') {
      await git.begin(branch, 'README.md', README, 'A place for the records of backups\n', person);
      attempt += 1;
      continue;
    }
    const published = head.kind === 'commit' ? await readGitHubFolder(git, head.tree, folderOf(chain)) : [];
    assertOneChain(chain, waiting, added, published);
    const lost = await readLost(store, chain, published);
    const objectAt = new Map(published.map(({ path, object }) => [path, object]));
    const due = [...(await restorable(git, store, lost)), ...added].filter(
      ({ path, object }) => objectAt.get(path) !== object,
    );
    const finish = async (commit: string) => {
      const seen = [...new Map([...ofChain(published, chain), ...due].map((blob) => [blob.path, blob])).values()];
      await keepWitness(store, chain, await writeTree(store, undefined, seen, 'elsewhere'));
      const tampered = [...lost.missing.map(({ path }) => path), ...lost.changed];
      return { commit, tampered, squatted: squattedBy(published, added, lost) };
    };
    if (due.length === 0 && head.kind === 'commit') return await finish(head.commit);
    // Once for all attempts; who meanwhile was faster is seen before more is written.
    if ((await storeAll(git, store, due, stored)) && !isSame(await git.head(branch), head)) continue;
    const tree = await git.writeTree(head.kind === 'commit' ? head.tree : undefined, due);
    const parents = head.kind === 'commit' ? [head.commit] : [];
    const commit = await git.writeCommit({ message: messageOf(waiting), tree, parents, person });
    const moved = await (head.kind === 'commit' ? git.moveBranch(branch, commit) : git.createBranch(branch, commit));
    if (moved.kind === 'moved') return await finish(commit);
    if (moved.kind === 'rejected' && isSame(await git.head(branch), head)) throw forbidden(audit, moved.why);
    attempt += 1;
  }
  return outrun(branch, attempts);
}

function isSame(a: BranchHead, b: BranchHead): boolean {
  return a.kind === 'commit' && b.kind === 'commit' ? a.commit === b.commit : a.kind === b.kind;
}

function forbidden({ repository, branch }: GitHubAudit, why: string): CoffreError {
  const reason = why === '' ? '' : ` (${why.slice(0, 300)})`;
  return new CoffreError(
    'refused',
    `cannot push to the branch ${branch} of ${repository}: the rules of the repository forbid it${reason}`,
    {
      hint: 'at GitHub, Settings, Rules (or Branches): let the token, or the App, push to this branch; force pushes and deletions can stay forbidden',
    },
  );
}

/** Of what is missing, that whose content is here, or that GitHub still has. The rest is told as missing all the same. */
async function restorable(git: GitHubGit, store: string, { missing }: Lost): Promise<Blob[]> {
  const found: Blob[] = [];
  for (const { path, object } of missing) {
    if ((await isHere(store, object)) || (await git.readBlob(object)) !== undefined) found.push({ path, object });
  }
  return found;
}

async function isHere(store: string, object: string): Promise<boolean> {
  return (await tryGit(['cat-file', '-e', `${object}^{blob}`], { cwd: store })).exitCode === 0;
}

/** Stores those of `blobs` that GitHub was not given yet. Whether there were any. */
async function storeAll(git: GitHubGit, store: string, blobs: readonly Blob[], stored: Set<string>): Promise<boolean> {
  let isAny = false;
  for (const { object, path } of blobs) {
    if (stored.has(object) || !(await isHere(store, object))) continue;
    const content = (await readBlobs(store, [object]).next()).value as Buffer;
    const named = await git.writeBlob(content);
    if (named !== object) {
      throw new CoffreError(
        'verification-failed',
        `cannot publish ${path}: GitHub has stored something else than it was given`,
        {
          hint: 'look at what stands between this machine and GitHub, such as a proxy',
        },
      );
    }
    stored.add(object);
    isAny = true;
  }
  return isAny;
}
