import type { AuditConfig } from '../model/audit-config.ts';
import { CoffreError } from '../model/error.ts';
import { sha256Of } from '../system/files.ts';
import type { GitOptions } from '../system/git.ts';
import { fetchBranch } from '../system/git-transfer.ts';
import type { GitHubGit } from '../system/github-git.ts';
import { openAuditGitHub } from './audit-github.ts';
import { gitLogin } from './audit-secrets.ts';
import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import type { ChainHead } from './chain.ts';
import { withClone } from './clone.ts';
import { readBlobs, readTree, type TreeEntry } from './git-objects.ts';
import { readGitHubFolder } from './github-folder.ts';
import { type Chain, folderOf, placeOf } from './paths.ts';
import { ofChain } from './published-witness.ts';
import { factsOf, parseSigned } from './signed-record.ts';

interface Where {
  readonly audit: AuditConfig;
  /** The .env file of this machine. */
  readonly secretsFile: string;
  /** Has the clone. */
  readonly stateFolder: string;
  readonly chain: Chain;
  readonly options?: Pick<GitOptions, 'timeoutMs' | 'silenceMs' | 'signal'>;
}

/**
 * The head of the chain as it is published, for a machine that has lost its own record. undefined when nothing of
 * it is there. Throws `audit-unreachable` when nobody can know.
 */
export async function recoverHead({
  audit,
  secretsFile,
  stateFolder,
  chain,
  options = {},
}: Where): Promise<ChainHead | undefined> {
  if (audit.kind === 'github') {
    const git = await openAuditGitHub(audit, secretsFile, options);
    const head = await git.head(audit.branch);
    if (head.kind !== 'commit') return undefined;
    const folder = await readGitHubFolder(git, head.tree, folderOf(chain));
    return await lastLink(recordsOf(folder, chain), chain, (entries) => readFromGitHub(git, entries));
  }
  const https = await gitLogin(audit, secretsFile);
  return await withClone(
    stateFolder,
    audit,
    { ...options, ...(https === undefined ? {} : { https }) },
    async (clone) => {
      const commit = await fetchBranch(clone);
      if (commit === undefined) return undefined;
      const folder = await readTree(clone.repository, commit, folderOf(chain));
      const objects = (entries: readonly TreeEntry[]) => entries.map(({ object }) => object);
      return await lastLink(recordsOf(folder, chain), chain, (entries) =>
        readBlobs(clone.repository, objects(entries)),
      );
    },
  );
}

function recordsOf(entries: readonly TreeEntry[], chain: Chain): TreeEntry[] {
  return ofChain(entries, chain).filter(({ path }) => {
    const place = placeOf(path);
    return typeof place === 'object' && place.kind === 'record';
  });
}

async function* readFromGitHub(git: GitHubGit, entries: readonly TreeEntry[]): AsyncGenerator<Buffer> {
  for (const { path, object } of entries) {
    const content = await git.readBlob(object);
    if (content !== undefined) yield content;
    else throw new CoffreError('audit-unreachable', `cannot read ${path} at GitHub: it is gone`, { hint: 'try again' });
  }
}

/**
 * The last link among `records`, all of one chain: read from the newest name on, and no further than needed. As many records as
 * the sequence number says are a whole chain; where some are missing, or a clock went back, every one is read. Throws
 * `verification-failed` when one of those is no record.
 */
async function lastLink(
  records: readonly TreeEntry[],
  chain: Chain,
  read: (entries: readonly TreeEntry[]) => AsyncGenerator<Buffer>,
): Promise<ChainHead | undefined> {
  if (records.some(({ sizeBytes }) => (sizeBytes ?? 0) > RECORD_LIMIT_BYTES)) {
    throw new CoffreError(
      'verification-failed',
      `cannot find the chain of ${chain.host}: a record is larger than a mebibyte`,
      { hint: 'run: npx zx tasks/validate.ts' },
    );
  }
  let head: ChainHead | undefined;
  const newestFirst = [...records].sort((a, b) => (a.path < b.path ? 1 : -1));
  for await (const bytes of read(newestFirst)) {
    const { sequence } = factsOf(parseSigned(bytes, Buffer.alloc(0)));
    if (!head || sequence > head.sequence) head = { sequence, sha256: sha256Of(bytes) };
    if (head.sequence === records.length) break;
  }
  return head;
}
