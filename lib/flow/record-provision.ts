import { join } from 'node:path';
import type { ConvergeOrder } from '../model/converge-order.ts';
import { asCoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Change } from '../model/plan.ts';
import type { ProvisionRecord } from '../model/provision-record.ts';
import { startOfRun } from '../model/run-id.ts';
import { exists, removeDurably, writeDurably } from '../system/files.ts';
import { claimRun } from './claim-run.ts';
import { concludeRecord, publishRecords, type RecordDraft } from './conclude-record.ts';
import type { ConvergeDoor, Failure } from './converge-resources.ts';
import { concludeKept, keepDraft } from './kept-drafts.ts';
import { type HostKeys, keysNow, rotationsOf, writeKeysOnRecord } from './keys-on-record.ts';

/** A provisioning does not wait for an audit repository that is not there yet. */
const TIMEOUT_MS = 15_000;
const ATTEMPTS = 3;

export interface Provisioned {
  readonly began: Date;
  readonly applied: readonly Change[];
  /** What `readKeysOnRecord` said before anything was changed. */
  readonly before: HostKeys | undefined;
  /** What it failed at, if it did. */
  readonly failed?: Omit<Failure, 'applied'>;
}

/**
 * Puts on record what was changed on this host, or that changing it failed midway, and which keys are other ones than before,
 * and publishes it. One that succeeds after one that failed is on record also where nothing was left to do. What cannot be put
 * on record yet is kept for the next run, and what cannot be published waits in the outbox: a note, and never a failure of
 * what has been done. A host that has no key to sign with yet has no record.
 */
export async function recordProvision(
  { slice, desired, accountOrder }: ConvergeOrder,
  { began, applied, before, failed }: Provisioned,
  { clock, emit, signal }: ConvergeDoor,
): Promise<void> {
  const { host } = slice;
  const note = (text: string) => emit({ kind: 'note', subject: host.name, text });
  const door = { clock, signal, timeoutMs: TIMEOUT_MS, attempts: ATTEMPTS };
  try {
    const now = await keysNow(slice);
    if (!now) return;
    const isOwn = desired === 'present' && !accountOrder;
    const rotations = isOwn && before && !failed ? rotationsOf(before, now) : [];
    const drafts: RecordDraft[] = [];
    const draft = async (facts: Unstarted) => {
      const name = await claimRun(host.state.path, clock, { kind: facts.kind, from: began });
      drafts.push({ ...facts, startedAt: startOfRun(name).toISOString() });
    };
    const isLeft = await exists(unfinishedPath(host));
    if (applied.length > 0 || failed || isLeft) {
      const recipients = desired === 'absent' ? [] : namedKeys(now);
      const facts = { desired, changes: countChanges(applied), recipients, signer: now.signer };
      await draft({ kind: 'provision', ...facts, ...outcomeOf(failed) });
    }
    for (const rotation of rotations)
      await draft({ kind: 'key-rotation', ...rotation, outcome: 'succeeded', error: null });
    const kept = await conclude(drafts);
    if (failed) await writeDurably(unfinishedPath(host), '', 0o600);
    else if (isLeft) await removeDurably(unfinishedPath(host));
    // The next one compares with the keys of before: what has told them may be overwritten already.
    if (isOwn && failed && before) await writeKeysOnRecord(host, before);
    if (isOwn && !failed && (before === undefined || drafts.length > 0)) await writeKeysOnRecord(host, now);
    if (drafts.length === 0) return;
    if (kept !== undefined) return note(`what was changed is put on record by the next backup: ${kept}`);
    if (signal.aborted) return note('what was changed is on record here, and the next backup publishes it');
    const publication = await publishRecords(host, door);
    if (publication.kind === 'owed')
      note(`what was changed is on record here, and the next backup publishes it: ${publication.error.message}`);
  } catch (error) {
    note(`what was changed is not on record: ${asCoffreError(error).message}`);
  }

  /** Why drafts are kept, where they are. */
  async function conclude(drafts: readonly RecordDraft[]): Promise<string | undefined> {
    let why: string | undefined;
    await concludeKept(host, clock);
    for (const each of drafts) {
      try {
        if (why === undefined) await concludeRecord(host, each, door);
        else await keepDraft(host, each);
      } catch (error) {
        why = asCoffreError(error).message;
        await keepDraft(host, each);
      }
    }
    return why;
  }
}

type Unstarted =
  | Omit<Extract<RecordDraft, { kind: 'provision' }>, 'startedAt'>
  | Omit<Extract<RecordDraft, { kind: 'key-rotation' }>, 'startedAt'>;

/** Is there while the last provisioning on record is one that failed. */
function unfinishedPath({ state }: HostConfig): string {
  return join(state.path, 'provision-unfinished');
}

function outcomeOf(failed: Provisioned['failed']): Pick<ProvisionRecord, 'outcome' | 'error'> {
  if (!failed) return { outcome: 'succeeded', error: null };
  const { at, error } = failed;
  return { outcome: 'failed', error: { code: error.code, at: at && { action: at.action, kind: at.kind } } };
}

function namedKeys({ recipients }: HostKeys): ProvisionRecord['recipients'] {
  return Object.entries(recipients).map(([name, fingerprint]) => ({
    name,
    fingerprint,
  })) as ProvisionRecord['recipients'];
}

/** How often each thing was done to each kind, in the order in which it was first done. */
function countChanges(applied: readonly Change[]): ProvisionRecord['changes'] {
  const counts = new Map<string, ProvisionRecord['changes'][number]>();
  for (const { action, kind } of applied) {
    const count = counts.get(`${action} ${kind}`)?.count ?? 0;
    counts.set(`${action} ${kind}`, { action, kind, count: count + 1 });
  }
  return [...counts.values()];
}
