import { readStoppedAppliers } from '../database/applier-journal.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Copy, Manifest, SignedManifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { assertStoreMounted, assertStoreReadable } from '../storage/store-guard.ts';
import { makeFolder } from '../system/files.ts';
import { assertRoom } from './assert-room.ts';
import type { BackupContext } from './backup-context.ts';
import { claimRun } from './claim-run.ts';
import { conclude, publish } from './conclude.ts';
import { deliverToStore } from './deliver-to-store.ts';
import { endFailedRun } from './end-failed-run.ts';
import { type Following, followExport } from './follow-export.ts';
import { readJournal, signedJournal } from './journal.ts';
import { lockRun } from './lock-run.ts';
import { startKilledReplication } from './open-at-replica.ts';
import { owe, payDebts } from './owed.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';
import { readBackExport } from './read-back-export.ts';
import { readBackStore } from './read-back-store.ts';
import {
  assertFoldersThere,
  beginFolders,
  closeFolders,
  discardFolders,
  type LocalFolders,
  writeClosing,
} from './run-folders.ts';
import { type Owed, RunRecord } from './run-record.ts';
import { RunStore } from './run-store.ts';
import { type SealedRun, sealRun } from './seal-run.ts';
import { settleKilledRun } from './settle-killed-run.ts';
import { shipToOffsites } from './ship-to-offsites.ts';
import { tellChangingColumns } from './tell-changing-columns.ts';
import { tellTampering } from './tell-tampering.ts';

export interface BackupResult {
  readonly manifest: Manifest;
  /** Hash → name, for people at this host; empty where names are plain. Never to be published. */
  readonly names: ReadonlyMap<string, string>;
  /** Empty when all is done. What is owed is tried again by the next run. */
  readonly owed: readonly Owed[];
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
  const run = await claimRun(host.state.path, context.clock);
  const lock = await lockRun(host, run, context);
  try {
    return await new Backup(host, run, context).carryOut();
  } finally {
    await lock.release();
  }
}

class Backup {
  readonly #given: HostConfig;
  readonly #store: RunStore;
  readonly #context: BackupContext;
  readonly #record: RunRecord;
  #following: Following | undefined;

  constructor(host: HostConfig, run: RunId, context: BackupContext) {
    this.#given = host;
    this.#store = new RunStore(host, run, context);
    this.#context = context;
    this.#record = new RunRecord(host, run, context);
  }

  /** With the store that this run writes to. */
  get #host(): HostConfig {
    return this.#store.host;
  }

  async carryOut(): Promise<BackupResult> {
    const record = this.#record;
    let manifest: Manifest;
    let sealed: SealedRun;
    try {
      await this.#begin();
      const prepared = await record.during('preflight', async () => {
        await this.#clearUp();
        return await this.#prepare();
      });
      sealed = await record.during('dump', () => this.#sealPatiently(prepared));
      await record.writeJournal(record.journalAs('sealed'));
      await this.#oweReplication();
      manifest = await record.during('ship', () => this.#shipAndConclude(sealed));
    } catch (error) {
      throw await endFailedRun(record, error);
    } finally {
      await this.#following?.abandon();
      await this.#store.release();
    }
    await record.during('publish', () => this.#publish());
    return { manifest, names: sealed.names, owed: record.owed };
  }

  /** From here on a kill is on record, unless the journal still tells of an earlier run. */
  async #begin(): Promise<void> {
    const record = this.#record;
    if (!(await readJournal(this.#given.state.path))) await record.writeJournal(record.journalAs('working'));
  }

  /** What earlier runs have left. From then on the journal is this run's. */
  async #clearUp(): Promise<void> {
    const record = this.#record;
    await startKilledReplication(this.#given, this.#context.emit);
    await this.#store.claim();
    await settleKilledRun(this.#given, this.#context, this.#store.lost, record.run);
    await assertRoom(this.#host, this.#context).catch((error: unknown) => this.#store.goWithout(error));
    if (this.#store.lost) this.#goOnWithout(this.#store.lost);
    await record.writeJournal(record.journalAs('working'));
  }

  /** From here on the run is one whose store is owed. */
  #goOnWithout(lost: CoffreError): void {
    this.#record.host = this.#host;
    this.#record.standIn = true;
    this.#record.owe('store', lost, this.#record.phase);
  }

  async #prepare(): Promise<PreparedRun> {
    const { inventory, emit } = this.#context;
    const host = this.#host;
    const record = this.#record;
    const { prepared, draft } = await prepareRun(host, inventory, record.run, record.draft);
    record.draft = draft;
    const { version, level, why } = prepared.compressor;
    emit({ kind: 'note', subject: host.name, text: `compressed by ${version} at level ${level}: ${why}` });
    tellChangingColumns(prepared.server.changingColumns, emit);
    for (const name of prepared.server.unknownExcludes) {
      const text = `the inventory leaves out the database ${JSON.stringify(name)}, and the server has none of that name`;
      emit({
        kind: 'warning',
        subject: host.name,
        text,
        hint: 'mend database.exclude: names are as SHOW DATABASES has them',
      });
    }
    return prepared;
  }

  /**
   * A snapshot is of rows: what is defined anew before a dump comes to it makes that dump worthless, and another attempt,
   * a little later, is often all that it takes. For any other reason to fail there is no second one. Nothing of the first
   * is kept, not even what was learnt of the server, nor the passphrase.
   */
  async #sealPatiently(first: PreparedRun): Promise<SealedRun> {
    const record = this.#record;
    const host = this.#host;
    for (let prepared = first, attempt = 1; ; attempt += 1) {
      const from = performance.now();
      try {
        return await this.#seal(prepared, await beginFolders(this.#host, record.run));
      } catch (error) {
        const failure = asCoffreError(error);
        const { signal } = this.#context;
        const gone = signal.aborted ? undefined : await this.#store.hasGone();
        if (gone) await this.#store.goWithout(gone);
        else if (failure.code !== 'schema-changed' || attempt >= host.database.snapshot.attempts || signal.aborted)
          throw error;
        await this.#following?.abandon();
        this.#following = undefined;
        // What lies in a store that has gone is removed by the next run that finds it.
        await discardFolders(this.#host, record.run);
        if (gone) this.#goOnWithout(gone);
        await record.giveUpAttempt(failure, Math.round(performance.now() - from));
      }
      prepared = await this.#prepare();
    }
  }

  /** The upload of the day archive begins in here, beside the dumps. */
  async #seal(prepared: PreparedRun, folders: LocalFolders): Promise<SealedRun> {
    const record = this.#record;
    const sealed = await sealRun(prepared, record.draft, folders, this.#context, (growing) => {
      this.#following = followExport(this.#host, record.run, growing, this.#context);
    });
    record.draft = this.#store.lost ? { ...sealed.draft, copies: sealed.draft.copies.map(asOwed) } : sealed.draft;
    if (sealed.exportError) record.owe('export', sealed.exportError, 'day-archive');
    return sealed;
  }

  /** The backup is good; but a replica that stands still is nothing to be found out by its lag. */
  async #oweReplication(): Promise<void> {
    const stopped = await readStoppedAppliers(this.#host.state.path);
    if (!stopped) return;
    const error = new CoffreError('replica-broken', 'the SQL thread could not be started again', {
      hint: 'look at Last_SQL_Error of: SHOW ALL SLAVES STATUS; then run: START ALL SLAVES;',
    });
    this.#record.owe('replication', error, 'dump');
  }

  /** Ships what is left, then signs what has come of it, then gives everything its final name. */
  async #shipAndConclude({ source }: SealedRun): Promise<Manifest> {
    const host = this.#host;
    const record = this.#record;
    const { run } = record;
    if (host.store.readBack) await readBackStore(host.store.path, record.draft, this.#context);
    const lost = this.#store.lost;
    const stored = lost ? undefined : await deliverToStore(host, this.#context);
    if (stored?.failed) record.owe(`store (${stored.failed.run})`, stored.failed.error, 'ship');
    const { deliveries, failed, strike } = await payDebts(this.#given, this.#context, lost);
    for (const { run, offsite, error } of failed) record.owe(`${offsite} (${run})`, error, 'ship');
    const shipments = await shipToOffsites(host, record.draft, source, this.#following, this.#context);
    try {
      for (const { offsite, error } of shipments.failed) record.owe(offsite, error, 'ship');
      const shipped = shipments.copies.some(({ state }) => state === 'complete');
      const local = await readBackExport(record.draft, source, shipped, this.#context);
      if (local.damaged) {
        await openRunFolders(host.export.path).removePartial(run);
        record.owe('export', local.damaged, 'ship');
      }
      record.draft = {
        ...record.draft,
        deliveries: [...deliveries],
        ...(stored && stored.deliveries.length > 0 ? { storeDeliveries: [...stored.deliveries] } : {}),
        dayArchive: local.dayArchive,
        copies: [...local.copies, ...shipments.copies],
      };
      await assertStoreMounted(host.store);
      await this.#store.assertHeld();
      await assertFoldersThere(host, run, local.dayArchive);
      const journal = record.journalAs('sealed');
      // All that needs room is written before the chain has the manifest: what is left to do is to rename.
      const signed = await conclude(host, record.draft, this.#context.clock, async (signed) => {
        await writeClosing(host, signed);
        await record.writeJournal(signedJournal(journal, signed));
      });
      record.chained = true;
      await strike();
      await stored?.strike();
      for (const { offsite } of shipments.failed) await owe(host, { run, offsite });
      await closeFolders(host, signed);
      await this.#proveStored(signed);
      for (const { offsite, error } of await shipments.finish(signed)) {
        record.owe(offsite, error, 'ship');
        await owe(host, { run, offsite });
      }
      await record.removeJournal();
      return signed.manifest;
    } finally {
      shipments.close();
    }
  }

  /** The run has its name. A volume that went away over that has it or not: its next verification tells. */
  async #proveStored({ manifest }: SignedManifest): Promise<void> {
    try {
      await assertStoreReadable(this.#host.store);
      await assertFoldersThere(this.#host, manifest.run, manifest.dayArchive);
    } catch (error) {
      const { message, code } = asCoffreError(error);
      const hint = `see what is there: npx zx tasks/verify.ts --run ${manifest.run}`;
      this.#record.owe('store', new CoffreError(code, message, { hint }), 'ship');
    }
  }

  async #publish(): Promise<void> {
    const { clock, signal, emit } = this.#context;
    const publication = await publish(this.#host, clock, signal);
    signal.throwIfAborted();
    if (publication.kind === 'owed') return this.#record.owe('publication', publication.error, 'publish');
    const subject = this.#host.name;
    for (const told of tellTampering(publication, 'this host')) emit({ kind: 'warning', subject, ...told });
  }
}

function asOwed(copy: Copy): Copy {
  return copy.kind === 'store' ? { ...copy, state: 'owed', verified: null } : copy;
}
