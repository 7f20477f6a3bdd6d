import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditConfig } from '../model/audit-config.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import { type Clock, sleep } from '../system/clock.ts';
import { runGit, tryGit } from '../system/git.ts';
import { fetchBranch, pushBranch } from '../system/git-transfer.ts';
import { settle } from './chain.ts';
import { type Clone, withClone } from './clone.ts';
import { readTree, type TreeEntry } from './git-objects.ts';
import { readOutbox } from './outbox.ts';
import { type Chain, folderOf, isOfChain, placeOf } from './paths.ts';
import { headAt } from './recover-head.ts';
import { factsOf, type SignedRecord } from './signed-record.ts';

export interface PublishOptions {
  readonly audit: AuditConfig;
  /** Has the outbox of the chain. */
  readonly stateFolder: string;
  /** Has the clone of the audit repository; `stateFolder` if absent. */
  readonly cloneFolder?: string;
  readonly host: HostName;
  /** Who has drilled the host, where the records are those of drills; its backups are published if absent. */
  readonly driller?: HostName;
  readonly clock: Clock;
  /** 0 ≤ n < 1: spreads the retries of hosts that push at one moment. */
  readonly random?: () => number;
  readonly attempts?: number;
  /** For each command that talks to the remote. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export type Publication =
  | {
      readonly kind: 'published';
      readonly count: number;
      /** The commit that has everything; null when there was nothing to publish. */
      readonly commit: string | null;
      /** Paths of this chain that had been published, were gone from the remote or changed there, and why to look. */
      readonly tampered: readonly string[];
    }
  | { readonly kind: 'owed'; readonly count: number; readonly error: CoffreError };

/** What this machine last saw on the remote, after its own push of this chain: the witness of a rewritten history. */
function witnessOf(chain: Chain): string {
  return chain.of === 'manifests' ? 'refs/coffre/published' : `refs/coffre/drills/${chain.host}`;
}

/**
 * Publishes everything in the outbox, in one commit on top of the remote branch. When another host was faster, fetches
 * and builds the commit anew. What cannot be published stays in the outbox and is `owed`; nothing is thrown for that.
 */
export async function publishOutbox(options: PublishOptions): Promise<Publication> {
  const waiting = await readOutbox(options.stateFolder);
  if (waiting.length === 0) return { kind: 'published', count: 0, commit: null, tampered: [] };
  try {
    const { timeoutMs, signal } = options;
    const limits = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(signal === undefined ? {} : { signal }) };
    const done = await withClone(options.cloneFolder ?? options.stateFolder, options.audit, limits, (clone) =>
      push(clone, waiting, options),
    );
    await settle(options.stateFolder, waiting);
    return { kind: 'published', count: waiting.length, ...done };
  } catch (error) {
    return { kind: 'owed', count: waiting.length, error: asCoffreError(error) };
  }
}

async function push(clone: Clone, waiting: readonly SignedRecord[], options: PublishOptions) {
  const { attempts = 10, random = Math.random } = options;
  const chain = chainOf(options);
  const added = await writeBlobs(clone.repository, waiting);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (attempt > 0) await sleep(Math.min(200 * 2 ** attempt, 8000) * (0.25 + random()), options.signal);
    const base = await fetchBranch(clone);
    if (base !== undefined) await assertOneChain(clone.repository, base, chain, waiting);
    const lost = await readLost(clone.repository, base, chain);
    const commit = await commitOnto(clone.repository, base, [...lost.missing, ...added], waiting, options);
    if (commit === base || (await pushBranch(clone, commit)) === 'pushed') {
      await runGit(['update-ref', witnessOf(chain), commit], { cwd: clone.repository });
      return { commit, tampered: [...lost.missing.map(({ path }) => path), ...lost.changed] };
    }
  }
  throw new CoffreError(
    'audit-unreachable',
    `cannot push to the branch ${clone.branch}: others were faster ${attempts} times`,
    {
      hint: 'the next run tries again; spread the schedules of the hosts',
    },
  );
}

function chainOf({ host, driller }: PublishOptions): Chain {
  return driller === undefined ? { of: 'manifests', host } : { of: 'drills', host, driller };
}

/** A machine that began its chain anew, while its old one is published, would fork it. */
async function assertOneChain(repository: string, base: string, chain: Chain, waiting: readonly SignedRecord[]) {
  const [first] = waiting;
  if (!first || factsOf(first).sequence !== 1) return;
  const { name, signer } = factsOf(first);
  const published = await headAt(repository, base, chain);
  const known = published === undefined || waiting.some((signed) => signed.sha256 === published.sha256);
  if (known) return;
  throw new CoffreError(
    'verification-failed',
    `cannot publish ${chain.host} ${name}: a chain of this host is published already`,
    {
      hint: `the state of ${signer} was lost while the audit repository was out of reach: move away its outbox and chain.json, and run again`,
    },
  );
}

/** What of this chain was there after the last push of this machine, and is gone or different in `base`. */
async function readLost(repository: string, base: string | undefined, chain: Chain) {
  const witness = await tryGit(['rev-parse', '--verify', '--quiet', `${witnessOf(chain)}^{commit}`], {
    cwd: repository,
  });
  if (witness.exitCode !== 0) return { missing: [], changed: [] };
  const before = (await readTree(repository, witness.stdout.trim(), folderOf(chain))).filter(({ path, mode }) => {
    const place = placeOf(path);
    return mode === '100644' && typeof place === 'object' && isOfChain(place, chain);
  });
  const now = base === undefined ? [] : await readTree(repository, base, folderOf(chain));
  const objectAt = new Map(now.map((entry) => [entry.path, entry.object]));
  return {
    missing: before.filter((entry) => !objectAt.has(entry.path)),
    changed: before.filter(({ path, object }) => (objectAt.get(path) ?? object) !== object).map(({ path }) => path),
  };
}

type Blob = Pick<TreeEntry, 'path' | 'object'>;

/** Puts records and signatures into the object store, once for all attempts. */
async function writeBlobs(repository: string, waiting: readonly SignedRecord[]): Promise<Blob[]> {
  const write = async (path: string, content: Buffer): Promise<Blob> => {
    const object = await runGit(['hash-object', '-w', '--stdin'], { cwd: repository, input: content });
    return { path, object: object.trim() };
  };
  const blobs: Blob[] = [];
  for (const signed of waiting) {
    const { path } = factsOf(signed);
    blobs.push(await write(path, signed.bytes), await write(`${path}.sig`, signed.signature));
  }
  return blobs;
}

/** The commit that adds `blobs` to `base`; `base` itself when it has all of them. Works on an index, without files. */
async function commitOnto(
  repository: string,
  base: string | undefined,
  blobs: readonly Blob[],
  waiting: readonly SignedRecord[],
  { host, driller = host, clock }: PublishOptions,
): Promise<string> {
  const index = join(repository, 'coffre-index');
  const git = (args: readonly string[], input?: string, env: Record<string, string> = {}) =>
    runGit(args, {
      cwd: repository,
      env: { GIT_INDEX_FILE: index, ...env },
      ...(input === undefined ? {} : { input }),
    });
  await rm(index, { force: true });
  await git(base === undefined ? ['read-tree', '--empty'] : ['read-tree', base]);
  await git(
    ['update-index', '--add', '--replace', '--index-info'],
    blobs.map(({ path, object }) => `100644 ${object}\t${path}\n`).join(''),
  );
  const tree = (await git(['write-tree'])).trim();
  await rm(index, { force: true });
  if (base !== undefined && tree === (await git(['rev-parse', `${base}^{tree}`])).trim()) return base;
  const at = `${Math.floor(clock.now().getTime() / 1000)} +0000`;
  const who = { NAME: `coffre ${driller}`, EMAIL: `coffre@${driller}`, DATE: at };
  const env = Object.fromEntries(
    Object.entries(who).flatMap(([key, value]) =>
      [`GIT_AUTHOR_${key}`, `GIT_COMMITTER_${key}`].map((name) => [name, value]),
    ),
  );
  const parents = base === undefined ? [] : ['-p', base];
  return (await git(['commit-tree', tree, ...parents], message(waiting), env)).trim();
}

/** The last run on the first line, the ones that were owed below. */
function message(waiting: readonly SignedRecord[]): string {
  const lines = waiting.map((signed) => factsOf(signed).line).reverse();
  const [last = '', ...owed] = lines;
  return owed.length === 0 ? `${last}\n` : `${last}\n\n${owed.reverse().join('\n')}\n`;
}
