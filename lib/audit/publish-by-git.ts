import type { GitAudit } from '../model/audit-config.ts';
import { runGit } from '../system/git.ts';
import { fetchBranch, pushBranch } from '../system/git-transfer.ts';
import { gitLogin } from './audit-secrets.ts';
import { type Clone, withClone } from './clone.ts';
import { authorOf, messageOf } from './commit-text.ts';
import { readTree } from './git-objects.ts';
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
import { keepWitness, readLost, squattedBy } from './published-witness.ts';
import type { SignedRecord } from './signed-record.ts';
import { signingKeyPath } from './signing-key.ts';

/** Enough for thirty hosts that push at one moment over a network. */
const PATIENCE: Patience = { attempts: 20, firstMs: 400, longestMs: 16_000 };

/** Publishes to any remote that git can push to. Throws what kept it from that. */
export async function publishByGit(
  audit: GitAudit,
  waiting: readonly SignedRecord[],
  options: PublishOptions,
): Promise<Done> {
  const { timeoutMs, silenceMs, signal, stateFolder, cloneFolder = stateFolder, secretsFile } = options;
  const limits = {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(silenceMs === undefined ? {} : { silenceMs }),
    ...(signal === undefined ? {} : { signal }),
  };
  const https = await gitLogin(audit, secretsFile);
  const access = { ...limits, ...(https === undefined ? {} : { https }) };
  return await withClone(cloneFolder, audit, access, (clone) => push(clone, audit, waiting, options));
}

async function push(
  clone: Clone,
  audit: GitAudit,
  waiting: readonly SignedRecord[],
  options: PublishOptions,
): Promise<Done> {
  const { attempts = PATIENCE.attempts } = options;
  const { repository } = clone;
  const chain = chainOf(options);
  const added = await writeBlobs(repository, waiting);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    await backOff(attempt, PATIENCE, options);
    const base = await fetchBranch(clone);
    const published = base === undefined ? [] : await readTree(repository, base, folderOf(chain));
    assertOneChain(chain, waiting, added, published);
    const lost = await readLost(repository, chain, published);
    const commit = await commitOnto(repository, base, [...lost.missing, ...added], waiting, audit, options);
    if (commit === base || (await pushBranch(clone, commit)) === 'pushed') {
      await keepWitness(repository, chain, commit);
      const tampered = [...lost.missing.map(({ path }) => path), ...lost.changed];
      return { commit, tampered, squatted: squattedBy(published, added, lost) };
    }
  }
  return outrun(clone.branch, attempts);
}

/** The commit that adds `blobs` to `base`; `base` itself when it has all of them. */
async function commitOnto(
  repository: string,
  base: string | undefined,
  blobs: readonly Blob[],
  waiting: readonly SignedRecord[],
  { signCommits }: GitAudit,
  { host, driller = host, clock, stateFolder, cloneFolder = stateFolder }: PublishOptions,
): Promise<string> {
  const git = (args: readonly string[], input?: string, env: Record<string, string> = {}) =>
    runGit(args, { cwd: repository, env, ...(input === undefined ? {} : { input }) });
  const tree = await writeTree(repository, base, blobs);
  if (base !== undefined && tree === (await git(['rev-parse', `${base}^{tree}`])).trim()) return base;
  const { name, email } = authorOf(driller);
  const who = { NAME: name, EMAIL: email, DATE: `${Math.floor(clock.now().getTime() / 1000)} +0000` };
  const env = Object.fromEntries(
    Object.entries(who).flatMap(([key, value]) =>
      [`GIT_AUTHOR_${key}`, `GIT_COMMITTER_${key}`].map((variable) => [variable, value]),
    ),
  );
  const parents = base === undefined ? [] : ['-p', base];
  const key = signingKeyPath(cloneFolder);
  // git signs in the namespace "git", where no signature of a record can be taken for one of a commit, nor this for that.
  const [settings, signed] = signCommits
    ? [['-c', 'gpg.format=ssh', '-c', `user.signingKey=${key}`], ['-S']]
    : [[], []];
  return (await git([...settings, 'commit-tree', ...signed, tree, ...parents], messageOf(waiting), env)).trim();
}
