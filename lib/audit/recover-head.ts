import type { AuditConfig } from '../model/audit-config.ts';
import { CoffreError } from '../model/error.ts';
import { sha256Of } from '../system/files.ts';
import type { GitOptions } from '../system/git.ts';
import { fetchBranch } from '../system/git-transfer.ts';
import { RECORD_LIMIT_BYTES } from './canonical-record.ts';
import type { ChainHead } from './chain.ts';
import { withClone } from './clone.ts';
import { readBlobs, readTree } from './git-objects.ts';
import { type Chain, folderOf, isOfChain, placeOf } from './paths.ts';
import { factsOf, parseSigned } from './signed-record.ts';

interface Where {
  readonly audit: AuditConfig;
  /** Has the clone. */
  readonly stateFolder: string;
  readonly chain: Chain;
  readonly options?: Pick<GitOptions, 'timeoutMs' | 'signal'>;
}

/**
 * The head of the chain as it is published, for a machine that has lost its own record. undefined when nothing of
 * it is there. Throws `audit-unreachable` when nobody can know.
 */
export function recoverHead({ audit, stateFolder, chain, options = {} }: Where): Promise<ChainHead | undefined> {
  return withClone(stateFolder, audit, options, async (clone) => {
    const commit = await fetchBranch(clone);
    return commit === undefined ? undefined : headAt(clone.repository, commit, chain);
  });
}

/** The last link of `chain` in the tree of `commit`. Throws `verification-failed` when a record there is not one. */
export async function headAt(repository: string, commit: string, chain: Chain): Promise<ChainHead | undefined> {
  const entries = (await readTree(repository, commit, folderOf(chain))).filter((entry) => {
    const place = placeOf(entry.path);
    return entry.mode === '100644' && typeof place === 'object' && place.kind === 'record' && isOfChain(place, chain);
  });
  if (entries.some(({ sizeBytes }) => (sizeBytes ?? 0) > RECORD_LIMIT_BYTES)) {
    throw new CoffreError(
      'verification-failed',
      `cannot find the chain of ${chain.host}: a record is larger than a mebibyte`,
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
    const { sequence } = factsOf(parseSigned(bytes, Buffer.alloc(0)));
    if (!head || sequence > head.sequence) head = { sequence, sha256: sha256Of(bytes) };
  }
  return head;
}
