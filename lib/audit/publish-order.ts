import type { AuditConfig } from '../model/audit-config.ts';
import { CoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import { type Clock, sleep } from '../system/clock.ts';
import type { TreeEntry } from './git-objects.ts';
import type { Chain } from './paths.ts';
import { placeOf } from './paths.ts';
import type { Blob } from './publication-blobs.ts';
import { ofChain } from './published-witness.ts';
import { factsOf, type SignedRecord } from './signed-record.ts';

export interface PublishOptions {
  readonly audit: AuditConfig;
  /** The .env file of this machine, with what lets it in at the audit repository. It need not be there where nothing is needed. */
  readonly secretsFile: string;
  /** Has the outbox of the chain. */
  readonly stateFolder: string;
  /** Has the clone of the audit repository, and the signing key; `stateFolder` if absent. */
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
  /** How long a remote of git may be silent; as git.ts has it if absent. */
  readonly silenceMs?: number;
  /** How long a second lasts while waiting to try again. */
  readonly secondMs?: number;
  readonly signal?: AbortSignal;
}

/** What a driver has done with the records: the commit that has them all, what it found gone or changed, and in the place of one of them. */
export interface Done {
  readonly commit: string;
  readonly tampered: readonly string[];
  readonly squatted: readonly string[];
}

export function chainOf({ host, driller }: PublishOptions): Chain {
  return driller === undefined ? { of: 'manifests', host } : { of: 'drills', host, driller };
}

/**
 * A machine that began its chain anew, while its old one is published, would fork it. `published` is what the remote has in
 * the folder of the chain, `added` what is about to come. Throws `verification-failed`.
 */
export function assertOneChain(
  chain: Chain,
  waiting: readonly SignedRecord[],
  added: readonly Blob[],
  published: readonly TreeEntry[],
): void {
  const [first] = waiting;
  if (!first || factsOf(first).sequence !== 1) return;
  const own = new Map(added.map(({ path, object }) => [path, object]));
  const isRecord = ({ path }: TreeEntry) => {
    const place = placeOf(path);
    return typeof place === 'object' && place.kind === 'record';
  };
  const isForked = ofChain(published, chain).some((entry) => isRecord(entry) && own.get(entry.path) !== entry.object);
  if (!isForked) return;
  const { name, signer } = factsOf(first);
  throw new CoffreError(
    'verification-failed',
    `cannot publish ${chain.host} ${name}: a chain of this host is published already`,
    {
      hint: `the state of ${signer} was lost while the audit repository was out of reach: move away its outbox and chain.json, and run again`,
    },
  );
}

/** How long hosts that met wait before they try again: twice as long each time, up to `longestMs`. */
export interface Patience {
  readonly attempts: number;
  /** About what one attempt takes: who tries again sooner only meets the same ones again. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Waits before the attempt `attempt`, from 0 on, for a time that is partly a matter of chance: so that hosts that met part. */
export async function backOff(
  attempt: number,
  { firstMs, longestMs }: Patience,
  { random = Math.random, secondMs = 1000, signal }: PublishOptions,
): Promise<void> {
  if (attempt === 0) return;
  const most = Math.min(firstMs * 2 ** (attempt - 1), longestMs);
  await sleep(most * (0.25 + random()) * (secondMs / 1000), signal);
}

/** Throws `audit-unreachable`: others have always been faster. */
export function outrun(branch: string, attempts: number): never {
  throw new CoffreError(
    'audit-unreachable',
    `cannot push to the branch ${branch}: others were faster ${attempts} times`,
    { hint: 'the next run tries again; spread the schedules of the hosts' },
  );
}
