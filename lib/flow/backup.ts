import type { HostConfig } from '../model/inventory.ts';
import type { Manifest } from '../model/manifest.ts';
import { makeFolder } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { claimRunToRecord } from './claim-run.ts';
import { publish } from './conclude.ts';
import { endFailedRun } from './end-failed-run.ts';
import { lockRun } from './lock-run.ts';
import { beginRecord, clearUp, prepareAttempt, tellKeyEnds } from './preflight.ts';
import type { Owed } from './run-record.ts';
import { RunUnderWay } from './run-under-way.ts';
import { oweReplication, sealPatiently } from './seal-patiently.ts';
import type { SealedRun } from './seal-run.ts';
import { shipAndConclude } from './ship-and-conclude.ts';
import { tellTampering } from './tell-tampering.ts';

export interface BackupResult {
  readonly manifest: Manifest;
  /** Hash → name, for people at this host; empty where names are plain. Never to be published. */
  readonly names: ReadonlyMap<string, string>;
  /** Empty when all is done. What is owed is tried again by the next run. */
  readonly owed: readonly Owed[];
  /** All of them: when the manifest is signed, the last are still to come. */
  readonly phases: Manifest['phases'];
}

/**
 * One run of a host, on that host: dump → archive → seal → store → day archive → ship → sign → publish. Up to the day
 * archive every stage begins as soon as the one before has something for it, and its shipping begins beside the dumps, too.
 *
 * Throws when there is nothing new to restore from; the run is then on record as failed (or skipped, when another
 * one holds the lock), and nothing of it is left under a final name.
 */
export async function backup(host: HostConfig, context: BackupContext): Promise<BackupResult> {
  await makeFolder(host.state.path, 0o700);
  const run = await claimRunToRecord(host.state.path, context.clock);
  context.emit({ kind: 'run-started', subject: host.name, run });
  const lock = await lockRun(host, run, context);
  try {
    return await carryOut(new RunUnderWay(host, run, context));
  } finally {
    await lock.release();
  }
}

async function carryOut(run: RunUnderWay): Promise<BackupResult> {
  const { record } = run;
  let manifest: Manifest;
  let sealed: SealedRun;
  try {
    await beginRecord(run);
    const prepared = await record.during('preflight', async () => {
      await clearUp(run);
      tellKeyEnds(run);
      return await prepareAttempt(run);
    });
    sealed = await record.during('dump', () => sealPatiently(run, prepared));
    await record.writeJournal(record.journalAs('sealed'));
    await oweReplication(run);
    manifest = await record.during('ship', () => shipAndConclude(run, sealed));
  } catch (error) {
    throw await endFailedRun(record, error);
  } finally {
    await run.following?.abandon();
    await run.store.release();
  }
  await record.during('publish', () => publishRun(run));
  return { manifest, names: sealed.names, owed: record.owed, phases: record.draft.phases };
}

async function publishRun({ host, record, context }: RunUnderWay): Promise<void> {
  const { clock, signal, emit } = context;
  const publication = await publish(host, clock, signal);
  signal.throwIfAborted();
  if (publication.kind === 'owed') return record.owe('publication', publication.error, 'publish');
  const subject = host.name;
  for (const told of tellTampering(publication, 'this host')) emit({ kind: 'warning', subject, ...told });
}
