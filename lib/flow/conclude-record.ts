import { parseManifest } from '../audit/canonical.ts';
import { appendToChain, type Link } from '../audit/chain.ts';
import { type Publication, publishOutbox } from '../audit/publish.ts';
import { recoverHead } from '../audit/recover-head.ts';
import { signHostRecord } from '../audit/sign.ts';
import type { SignedRecord } from '../audit/signed-record.ts';
import type { HostConfig } from '../model/inventory.ts';
import { HostRecord } from '../model/record.ts';
import { RECORD_VERSION } from '../model/record-parts.ts';
import { COFFRE_VERSION } from '../model/version.ts';
import type { Clock } from '../system/clock.ts';
import { sha256Of } from '../system/files.ts';
import { readJournal } from './journal.ts';

type Added = 'version' | 'host' | 'sequence' | 'previous' | 'finishedAt' | 'software';
type Without<T, Key extends PropertyKey> = T extends unknown ? Omit<T, Key> : never;
/** What is known of a record before it has its place in the chain. `startedAt` MUST be what `claimRun` gave for its kind. */
export type RecordDraft = Without<HostRecord, Added>;

export interface RecordDoor {
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** For each command that talks to the audit repository. */
  readonly timeoutMs?: number;
  /** How often a push is tried while others are faster. */
  readonly attempts?: number;
}

/**
 * Gives what a host has to put on record beside its runs a place in the host's chain: signs it, and puts it into the outbox,
 * durably. Unlike a run it is not worth a chain that begins anew: throws `audit-unreachable` where this host does not know
 * the head of its chain, and the audit repository does not answer.
 */
export async function concludeRecord(host: HostConfig, draft: RecordDraft, door: RecordDoor): Promise<HostRecord> {
  const stateFolder = host.state.path;
  const software = { coffre: COFFRE_VERSION, node: process.versions.node };
  const chain = { of: 'manifests', host: host.name } as const;
  const recover = () =>
    recoverHead({ audit: host.audit, secretsFile: host.secrets.path, stateFolder, chain, options: limitsOf(door) });
  for (;;) {
    const signed = await appendToChain<SignedRecord>(stateFolder, recover, async (link) => {
      const left = await leftBehind(stateFolder, link);
      if (left) return left;
      const finishedAt = door.clock.now().toISOString();
      const record = { ...draft, ...link, version: RECORD_VERSION, host: host.name, software, finishedAt };
      return await signHostRecord(HostRecord.parse(record), stateFolder);
    });
    if ('record' in signed && signed.record.kind !== 'drill') return signed.record;
  }
}

/**
 * Publishes everything that waits in the host's outbox, its runs too, in order. What cannot be published stays there and is
 * `owed`: the next run publishes it.
 */
export async function publishRecords(host: HostConfig, door: RecordDoor): Promise<Publication> {
  const { clock, attempts } = door;
  return await publishOutbox({
    ...{ audit: host.audit, secretsFile: host.secrets.path, stateFolder: host.state.path, host: host.name, clock },
    ...(attempts === undefined ? {} : { attempts }),
    ...limitsOf(door),
  });
}

function limitsOf({ signal, timeoutMs }: RecordDoor) {
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

/**
 * The manifest of a run that was killed when it was signed and not yet in the outbox: its folders have it already, and
 * nothing else may take its place. Whoever holds the lock of the chain meets one of a killed run alone.
 */
async function leftBehind(stateFolder: string, link: Link): Promise<SignedRecord | undefined> {
  const kept = (await readJournal(stateFolder))?.signed;
  if (!kept) return undefined;
  const bytes = Buffer.from(kept.bytes, 'base64');
  const manifest = parseManifest(bytes);
  if (manifest.sequence !== link.sequence || manifest.previous !== link.previous) return undefined;
  return { manifest, bytes, signature: Buffer.from(kept.signature, 'base64'), sha256: sha256Of(bytes) };
}
