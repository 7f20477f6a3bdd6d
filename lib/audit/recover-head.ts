import { CoffreError } from '../model/error.ts';
import type { AuditConfig } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';
import { sha256Of } from '../system/files.ts';
import type { GitOptions } from '../system/git.ts';
import { fetchBranch } from '../system/git-transfer.ts';
import { MANIFEST_LIMIT_BYTES, parseManifest } from './canonical.ts';
import type { ChainHead } from './chain.ts';
import { withClone } from './clone.ts';
import { readBlobs, readTree } from './git-objects.ts';
import { placeOf } from './paths.ts';

interface Where {
  readonly audit: AuditConfig;
  readonly stateFolder: string;
  readonly host: HostName;
  readonly options?: Pick<GitOptions, 'timeoutMs' | 'signal'>;
}

/**
 * The head of the chain as it is published, for a host that has lost its own record. undefined when nothing of this
 * host is there. Throws `audit-unreachable` when nobody can know.
 */
export function recoverHead({ audit, stateFolder, host, options = {} }: Where): Promise<ChainHead | undefined> {
  return withClone(stateFolder, audit, options, async (clone) => {
    const commit = await fetchBranch(clone);
    return commit === undefined ? undefined : headAt(clone.repository, commit, host);
  });
}

/** The last link of `host` in the tree of `commit`. Throws `verification-failed` when a manifest there is not one. */
export async function headAt(repository: string, commit: string, host: HostName): Promise<ChainHead | undefined> {
  const entries = (await readTree(repository, commit, `manifests/${host}/`)).filter((entry) => {
    const place = placeOf(entry.path);
    return entry.mode === '100644' && typeof place === 'object' && place.kind === 'manifest' && place.host === host;
  });
  if (entries.some(({ sizeBytes }) => (sizeBytes ?? 0) > MANIFEST_LIMIT_BYTES)) {
    throw new CoffreError(
      'verification-failed',
      `cannot find the chain of ${host}: a manifest is larger than a mebibyte`,
      {
        hint: 'run: npx zx tasks/validate.ts',
      },
    );
  }
  let head: ChainHead | undefined;
  for await (const bytes of readBlobs(
    repository,
    entries.map(({ object }) => object),
  )) {
    const { sequence } = parseManifest(bytes);
    if (!head || sequence > head.sequence) head = { sequence, sha256: sha256Of(bytes) };
  }
  return head;
}
