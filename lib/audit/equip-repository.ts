import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { Change } from '../model/plan.ts';
import { textDiff } from '../model/text-diff.ts';
import { type Clock, sleep } from '../system/clock.ts';
import { type GitOptions, runGit } from '../system/git.ts';
import { fetchBranch, pushBranch } from '../system/git-transfer.ts';
import { publicText } from '../system/known-secrets.ts';
import { withPassingFolder } from '../system/passing-folder.ts';
import { show } from './finding.ts';
import { readBlobs, readTree, type TreeEntry } from './git-objects.ts';
import { placeOf } from './paths.ts';

export interface EquipOrder {
  readonly remote: string;
  readonly branch: string;
  readonly options: Pick<GitOptions, 'ssh' | 'https' | 'timeoutMs' | 'silenceMs' | 'signal'>;
  /** What the repository has to have besides its records, by path. Other files stay as they are. */
  readonly files: ReadonlyMap<string, string>;
  readonly dryRun: boolean;
  readonly clock: Clock;
  /** Is told the changes before any is made. */
  readonly onPlan: (changes: readonly Change[]) => void;
}

export interface Equipped {
  readonly changes: readonly Change[];
  /** null for a dry run, and where there was nothing to change. */
  readonly commit: string | null;
}

const ATTEMPTS = 8;
const LARGEST_SHOWN_BYTES = 256 * 1024;
const WHO = { NAME: 'coffre audit-init', EMAIL: 'coffre@localhost' };

/**
 * Gives an empty repository the files of an audit repository, or brings those of an audit repository up to date: in one
 * commit on top of what is there, without a work tree. Hosts may be publishing meanwhile. Throws `refused` for a
 * repository that is neither.
 */
export async function equipRepository(order: EquipOrder): Promise<Equipped> {
  return await withPassingFolder('audit', async (folder) => {
    const repository = join(folder, 'audit.git');
    await runGit(['init', '--quiet', '--bare', repository]);
    return await equip(repository, order);
  });
}

async function equip(repository: string, order: EquipOrder): Promise<Equipped> {
  const { remote, branch, options, dryRun, onPlan } = order;
  const target = { repository, remote, branch, options };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await sleep(Math.min(200 * 2 ** attempt, 5000) * (0.5 + Math.random()), options.signal);
    const base = await fetchBranch(target);
    if (base === undefined) await assertEmpty(repository, order);
    const entries = base === undefined ? [] : await readTree(repository, base);
    if (base !== undefined) assertAuditRepository(entries, order);
    const changes = await planFiles(repository, entries, order.files);
    if (attempt === 0) onPlan(changes);
    if (changes.length === 0 || dryRun) return { changes, commit: null };
    const commit = await commitOnto(repository, base, changes, order);
    if ((await pushBranch(target, commit)) === 'pushed') return { changes, commit };
  }
  throw new CoffreError(
    'audit-unreachable',
    `cannot push to the branch ${branch}: hosts were faster ${ATTEMPTS} times`,
    {
      hint: 'try again in a minute',
    },
  );
}

/** A remote without this branch may have others. */
async function assertEmpty(repository: string, { remote, branch, options }: EquipOrder): Promise<void> {
  const listed = await runGit(['ls-remote', '--', remote], { ...options, cwd: repository });
  const names = listed.split('\n').flatMap((line) => /\trefs\/heads\/(.+)$/.exec(line)?.[1] ?? []);
  if (names.length === 0) return;
  throw refusal(remote, `it has no branch ${branch}, but ${names.slice(0, 5).map(show).join(', ')}`, [
    'name the branch that the hosts publish to, in the inventory or with --branch; or make an empty repository',
  ]);
}

function assertAuditRepository(entries: readonly TreeEntry[], { remote }: EquipOrder): void {
  const strangers = entries.filter(({ path }) => placeOf(path) === undefined).map(({ path }) => show(path));
  const hint = 'make an empty repository for it, without a README';
  if (strangers.length > 0)
    throw refusal(remote, 'there are files in it that belong to something else', [hint], strangers);
  const isOne = entries.some(({ path }) => typeof placeOf(path) === 'object' || path === 'allowed_signers');
  if (!isOne && entries.length > 0) throw refusal(remote, 'it is not empty, and nothing in it is a record', [hint]);
}

function refusal(
  remote: string,
  why: string,
  [hint = '']: readonly string[],
  paths: readonly string[] = [],
): CoffreError {
  return new CoffreError('refused', `cannot make ${publicText(remote)} an audit repository: ${why}`, {
    hint,
    findings: paths.slice(0, 20),
  });
}

async function planFiles(
  repository: string,
  entries: readonly TreeEntry[],
  files: ReadonlyMap<string, string>,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const [path, after] of files) {
    const entry = entries.find((each) => each.path === path);
    const before = entry && (await textOf(repository, entry));
    if (entry?.mode === '100644' && before === after) continue;
    changes.push({
      action: entry ? 'change' : 'create',
      kind: 'file',
      name: path,
      lines: textDiff(before ?? '', after),
    });
  }
  return changes;
}

/** Undefined for what is no file, or too large to be one of ours. */
async function textOf(repository: string, { object, sizeBytes }: TreeEntry): Promise<string | undefined> {
  if (sizeBytes === null || sizeBytes > LARGEST_SHOWN_BYTES) return undefined;
  for await (const blob of readBlobs(repository, [object])) return blob.toString('utf8');
  return undefined;
}

async function commitOnto(
  repository: string,
  base: string | undefined,
  changes: readonly Change[],
  { files, clock }: EquipOrder,
): Promise<string> {
  const env = { GIT_INDEX_FILE: join(repository, 'coffre-index') };
  const git = (args: readonly string[], input?: string, more: Readonly<Record<string, string>> = {}) =>
    runGit(args, { cwd: repository, env: { ...env, ...more }, ...(input === undefined ? {} : { input }) });
  await git(base === undefined ? ['read-tree', '--empty'] : ['read-tree', base]);
  const lines: string[] = [];
  for (const { name } of changes) {
    const object = await git(['hash-object', '-w', '--stdin'], files.get(name) ?? '');
    lines.push(`100644 ${object.trim()}\t${name}\n`);
  }
  await git(['update-index', '--add', '--replace', '--index-info'], lines.join(''));
  const tree = (await git(['write-tree'])).trim();
  const at = `${Math.floor(clock.now().getTime() / 1000)} +0000`;
  const who = Object.entries({ ...WHO, DATE: at }).flatMap(([key, value]) =>
    ['AUTHOR', 'COMMITTER'].map((role) => [`GIT_${role}_${key}`, value] as const),
  );
  const parents = base === undefined ? [] : ['-p', base];
  const verb = base === undefined ? 'Begin the audit repository' : 'Bring the audit repository up to date';
  const message = `${verb}\n\n${changes.map(({ action, name }) => `${action} ${name}\n`).join('')}`;
  return (await git(['commit-tree', tree, ...parents], message, Object.fromEntries(who))).trim();
}
