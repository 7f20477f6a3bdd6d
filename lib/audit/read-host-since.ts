import type { AuditConfig } from '../model/audit-config.ts';
import { CoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import type { GitOptions } from '../system/git.ts';
import { fetchBranch } from '../system/git-transfer.ts';
import { openAuditGitHub } from './audit-github.ts';
import { gitLogin } from './audit-secrets.ts';
import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import { withClone } from './clone.ts';
import { readBlobs, readTree, type TreeEntry } from './git-objects.ts';
import { readGitHubFolder } from './github-folder.ts';
import { inspectRecord } from './inspect-record.ts';
import { folderOf, type Place, placeOf } from './paths.ts';
import type { PublishedLink, PublishedRecord } from './published.ts';
import { signerSetOf } from './signer-set.ts';

interface Where {
  readonly audit: AuditConfig;
  /** The .env file of this machine. */
  readonly secretsFile: string;
  /** Has the clone. */
  readonly cloneFolder: string;
  readonly options?: Pick<GitOptions, 'timeoutMs' | 'signal'>;
}

interface Wanted {
  readonly host: HostName;
  /** What begins later than this run is read, and nothing else. */
  readonly since: RunId;
  readonly allowedSigners: string;
}

/** What a host has put on record, and what its signatures are worth. */
export interface HostRecords {
  readonly links: readonly PublishedLink[];
  readonly others: readonly PublishedRecord[];
}

/**
 * What is published of a host since one of its runs, for a machine that has the audit repository at hand: no more is fetched
 * than that takes. Throws `audit-unreachable` when nobody can know.
 */
export async function readHostSince(where: Where, wanted: Wanted): Promise<HostRecords> {
  const { audit, secretsFile, cloneFolder, options = {} } = where;
  const folder = folderOf({ of: 'manifests', host: wanted.host });
  if (audit.kind === 'github') {
    const git = await openAuditGitHub(audit, secretsFile, options);
    const head = await git.head(audit.branch);
    const entries = head.kind === 'commit' ? await readGitHubFolder(git, head.tree, folder) : [];
    return await inspected(entries, wanted, async ({ path, object }) => {
      const content = await git.readBlob(object);
      if (content) return content;
      throw new CoffreError('audit-unreachable', `cannot read ${path} at GitHub: it is gone`, { hint: 'try again' });
    });
  }
  const https = await gitLogin(audit, secretsFile);
  const access = { ...options, ...(https === undefined ? {} : { https }) };
  return await withClone(cloneFolder, audit, access, async (clone) => {
    const commit = await fetchBranch(clone);
    const entries = commit === undefined ? [] : await readTree(clone.repository, commit, folder);
    return await inspected(entries, wanted, async ({ object }) => {
      for await (const content of readBlobs(clone.repository, [object])) return content;
      return Buffer.alloc(0);
    });
  });
}

async function inspected(
  entries: readonly TreeEntry[],
  { host, since, allowedSigners }: Wanted,
  read: (entry: TreeEntry) => Promise<Buffer>,
): Promise<HostRecords> {
  const signers = signerSetOf(allowedSigners);
  const at = new Map(entries.filter(isReadable).map((entry) => [entry.path, entry]));
  const links: PublishedLink[] = [];
  const others: PublishedRecord[] = [];
  for (const entry of at.values()) {
    const place = placeOf(entry.path);
    const signature = at.get(`${entry.path}.sig`);
    if (!isRecord(place) || place.host !== host || place.name <= since || !signature) continue;
    const pair = { path: entry.path, place, record: entry.object, signature: signature.object };
    const { link, other } = await inspectRecord(pair, await read(entry), await read(signature), signers);
    if (link) links.push(link);
    if (other) others.push(other);
  }
  return { links, others };
}

function isReadable({ mode, sizeBytes }: TreeEntry): boolean {
  return mode === '100644' && (sizeBytes ?? 0) <= RECORD_LIMIT_BYTES;
}

function isRecord(place: ReturnType<typeof placeOf>): place is Place {
  return typeof place === 'object' && place.kind === 'record';
}
