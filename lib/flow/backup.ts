import { asCoffreError, type CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Manifest, Phase } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { assertStoreMounted } from '../storage/store-guard.ts';
import { makeFolder } from '../system/files.ts';
import type { BackupContext } from './backup-context.ts';
import { claimRun } from './claim-run.ts';
import { conclude, publish } from './conclude.ts';
import { emptyDraft } from './draft.ts';
import { type Draft, type Journal, removeJournal, signedJournal, writeJournal } from './journal.ts';
import { lockRun } from './lock-run.ts';
import { startKilledReplication } from './open-at-replica.ts';
import { owe, payDebts } from './owed.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';
import { readBackExport } from './read-back-export.ts';
import { beginFolders, closeFolders, discardFolders, type LocalFolders, writeClosing } from './run-folders.ts';
import { type SealedRun, sealRun } from './seal-run.ts';
import { finishRun, settleKilledRun } from './settle-killed-run.ts';
import { shipToOffsites } from './ship-to-offsites.ts';
import { tellChangingColumns } from './tell-changing-columns.ts';

/** Something that is not where it should be yet: an offsite by name, `export`, or `publication`. */
export interface Owed {
  readonly what: string;
  readonly error: CoffreError;
}

export interface BackupResult {
  readonly manifest: Manifest;
  /** Empty when all is done. What is owed is tried again by the next run. */
  readonly owed: readonly Owed[];
}

/**
 * One run of a host, on that host: dump → archive → seal → store → day archive → ship → sign → publish.
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
  readonly #host: HostConfig;
  readonly #run: RunId;
  readonly #context: BackupContext;
  #draft: Draft;
  #phase: Phase = 'preflight';
  /** What the journal says of this run; undefined while it may still speak of an earlier one. */
  #journaled: Journal['state'] | undefined;
  /** Whether the manifest has its place in the chain. From then on the run cannot fail any more, only be late. */
  #chained = false;
  readonly #owed: Owed[] = [];

  constructor(host: HostConfig, run: RunId, context: BackupContext) {
    this.#host = host;
    this.#run = run;
    this.#context = context;
    this.#draft = emptyDraft(host, run);
  }

  async carryOut(): Promise<BackupResult> {
    let manifest: Manifest;
    try {
      const prepared = await this.#during('preflight', () => this.#prepare());
      const folders = await beginFolders(this.#host, this.#run);
      const sealed = await this.#during('dump', () => this.#seal(prepared, folders));
      await this.#journal('sealed');
      manifest = await this.#during('ship', () => this.#shipAndConclude(sealed));
    } catch (error) {
      throw await this.#fail(error);
    }
    await this.#during('publish', () => this.#publish());
    return { manifest, owed: this.#owed };
  }

  async #prepare(): Promise<PreparedRun> {
    const { inventory } = this.#context;
    const host = this.#host;
    await startKilledReplication(host, this.#context.emit);
    await assertStoreMounted(host.store);
    await settleKilledRun(host, this.#context);
    await this.#journal('working');
    const { prepared, draft } = await prepareRun(host, inventory, this.#run, this.#draft);
    this.#draft = draft;
    const { version, level, why } = prepared.compressor;
    this.#context.emit({
      kind: 'note',
      subject: host.name,
      text: `compressed by ${version} at level ${level}: ${why}`,
    });
    tellChangingColumns(prepared.server.changingColumns, this.#context.emit);
    return prepared;
  }

  async #seal(prepared: PreparedRun, folders: LocalFolders): Promise<SealedRun> {
    const sealed = await sealRun(prepared, this.#draft, folders, this.#context);
    this.#draft = sealed.draft;
    if (sealed.exportError) this.#owe('export', sealed.exportError, 'day-archive');
    return sealed;
  }

  /** Ships, then signs what has come of it, then gives everything its final name. */
  async #shipAndConclude({ source }: SealedRun): Promise<Manifest> {
    const host = this.#host;
    const { deliveries, failed, strike } = await payDebts(host, this.#context);
    for (const { run, offsite, error } of failed) this.#owe(`${offsite} (${run})`, error, 'ship');
    const shipments = await shipToOffsites(host, this.#draft, source, this.#context);
    try {
      for (const { offsite, error } of shipments.failed) this.#owe(offsite, error, 'ship');
      const shipped = shipments.copies.some(({ state }) => state === 'complete');
      const local = await readBackExport(this.#draft, source, shipped, this.#context);
      if (local.damaged) {
        await openRunFolders(host.export.path).removePartial(this.#run);
        this.#owe('export', local.damaged, 'ship');
      }
      this.#draft = {
        ...this.#draft,
        deliveries: [...deliveries],
        dayArchive: local.dayArchive,
        copies: [...local.copies, ...shipments.copies],
      };
      const journal = { run: this.#run, state: 'sealed' as const, phase: this.#phase, draft: this.#draft };
      // All that needs room is written before the chain has the manifest: what is left to do is to rename.
      const signed = await conclude(host, this.#draft, this.#context.clock, async (signed) => {
        await writeClosing(host, signed);
        await writeJournal(host.state.path, signedJournal(journal, signed));
        this.#journaled = 'signed';
      });
      this.#chained = true;
      await strike();
      for (const { offsite } of shipments.failed) await owe(host, { run: this.#run, offsite });
      await closeFolders(host, signed);
      for (const { offsite, error } of await shipments.finish(signed)) {
        this.#owe(offsite, error, 'ship');
        await owe(host, { run: this.#run, offsite });
      }
      await removeJournal(host.state.path);
      return signed.manifest;
    } finally {
      shipments.close();
    }
  }

  async #publish(): Promise<void> {
    const { clock, signal, emit } = this.#context;
    const publication = await publish(this.#host, clock, signal);
    signal.throwIfAborted();
    if (publication.kind === 'owed') return this.#owe('publication', publication.error, 'publish');
    for (const path of publication.tampered) {
      const text = `the audit repository had lost or changed ${path}, which this host had published`;
      emit({ kind: 'warning', subject: this.#host.name, text, hint: 'look at its history: npx zx tasks/validate.ts' });
    }
  }

  /**
   * Puts a failed run on record, takes away what it left, and returns the error that the caller throws. A run that has
   * its place in the chain is left as it is: the next one finishes it. So is the journal of an earlier, killed run.
   */
  async #fail(error: unknown): Promise<CoffreError> {
    const { signal } = this.#context;
    const failure = signal.aborted ? asCoffreError(signal.reason) : asCoffreError(error);
    if (this.#chained) return failure;
    const kept = signal.aborted && this.#journaled === 'sealed';
    await this.#inSteps(kept ? this.#keep() : this.#giveUp(failure), kept ? 'was interrupted' : 'has failed');
    return failure;
  }

  /** Whoever interrupts the shipping does not want to lose what is safe in the store already. */
  #keep(): (() => Promise<unknown>)[] {
    const { name, state } = this.#host;
    const { clock, emit } = this.#context;
    const text = `${this.#run} was safe in the store when it was interrupted: it is kept, and the next run ships it`;
    return [
      async () => {
        const journal = { run: this.#run, state: 'sealed' as const, phase: this.#phase, draft: this.#draft };
        await finishRun(this.#host, journal, clock);
        await removeJournal(state.path);
        emit({ kind: 'warning', subject: name, text, hint: 'ship it now: npx zx tasks/backup.ts' });
      },
    ];
  }

  #giveUp(failure: CoffreError): (() => Promise<unknown>)[] {
    return [
      async () => {
        // Or a kill from here on would have the next run finish this one.
        if (this.#journaled !== undefined) await this.#journal('working');
      },
      () => discardFolders(this.#host, this.#run),
      () => this.#record(failure),
    ];
  }

  /** Each step is tried whatever became of the one before, and what goes wrong is told. */
  async #inSteps(steps: readonly (() => Promise<unknown>)[], end: string): Promise<void> {
    for (const step of steps) {
      await step().catch((second: unknown) => {
        const { message, hint = 'the next run does it' } = asCoffreError(second);
        const text = `this run ${end}, and then: ${message}`;
        this.#context.emit({ kind: 'warning', subject: this.#host.name, text, hint });
      });
    }
  }

  async #record({ code }: CoffreError): Promise<void> {
    const { clock, signal } = this.#context;
    const nothing = { archives: [], dayArchive: null, instructions: null, copies: [], snapshot: null };
    const reason = { code, phase: this.#phase };
    await conclude(this.#host, { ...this.#draft, ...nothing, outcome: 'failed', error: reason }, clock);
    if (this.#journaled !== undefined) await removeJournal(this.#host.state.path);
    if (!signal.aborted) await publish(this.#host, clock);
  }

  #owe(what: string, error: CoffreError, phase: Phase): void {
    this.#owed.push({ what, error });
    const hint = error.hint ?? 'the next run tries again';
    this.#context.emit({ kind: 'warning', subject: this.#host.name, text: `owed: ${what}: ${error.message}`, hint });
    if (phase !== 'publish') this.#draft = { ...this.#draft, error: { code: error.code, phase } };
  }

  async #journal(state: 'working' | 'sealed'): Promise<void> {
    await writeJournal(this.#host.state.path, { run: this.#run, state, phase: this.#phase, draft: this.#draft });
    this.#journaled = state;
  }

  async #during<T>(phase: Phase, act: () => Promise<T>): Promise<T> {
    const { emit, signal } = this.#context;
    this.#phase = phase;
    signal.throwIfAborted();
    if (this.#journaled === 'working' || this.#journaled === 'sealed') await this.#journal(this.#journaled);
    emit({ kind: 'phase-started', phase, subject: this.#host.name });
    const from = performance.now();
    const result = await act();
    const durationMs = Math.round(performance.now() - from);
    this.#draft = { ...this.#draft, phases: [...this.#draft.phases, { name: phase, durationMs }] };
    emit({ kind: 'phase-ended', phase, subject: this.#host.name, durationMs });
    return result;
  }
}
