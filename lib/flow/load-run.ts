import { availableParallelism } from 'node:os';
import { withLogins } from '../archive/account-logins.ts';
import type { ArchiveDigests } from '../archive/digests.ts';
import { MadeNames } from '../archive/made-names.ts';
import { openArchive } from '../archive/open-archive.ts';
import { loadAccounts } from '../database/load-sql.ts';
import { readServerAccounts } from '../database/server-accounts.ts';
import { inspectTarget } from '../database/target.ts';
import type { Archive } from '../model/archive-record.ts';
import { compressionOf } from '../model/compression.ts';
import { asCoffreError, CoffreError, type ErrorCode } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { type Selection, WHOLE } from '../model/selection.ts';
import { DeferredKeys } from './deferred-keys.ts';
import { type LoadedArchive, loadArchive } from './load-archive.ts';
import { LoadBudget } from './load-budget.ts';
import { loadHeld } from './load-dump.ts';
import type { LoadFailure, LoadOrder, LoadPlan } from './load-plan.ts';
import { LoadProgress } from './load-progress.ts';
import { makeViews, namesAny } from './make-views.ts';
import { metered } from './metered.ts';
import type { OpenedFile, OpenedSequence } from './open-archives.ts';
import { selectingWords, takeBack } from './take-back.ts';
import { tellLostGrants } from './tell-lost-grants.ts';

/** What the server says of one database, and not of itself, the copy, or whoever waits: the next one may load. */
const OF_ONE_DATABASE: readonly ErrorCode[] = ['restore-failed', 'schema-changed', 'account-lacks-privilege'];

/** The state of one load of several archives, and its steps. */
export class LoadRun {
  readonly parallel: number;
  readonly budget = new LoadBudget(0);
  readonly sealed = new Map<Archive, ArchiveDigests>();
  readonly failures: LoadFailure[] = [];
  readonly #plan: LoadPlan;
  readonly #order: LoadOrder;
  readonly #progress: LoadProgress;
  readonly #deferred = new DeferredKeys();
  readonly #made: Map<string, MadeNames>;
  /** Ends the others when one of several has failed for good. */
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;
  /** What waits for its views or its events. */
  readonly #unfinished = new Set<LoadedArchive>();
  readonly #withoutViews = new Set<LoadedArchive>();
  /** Whatever has views. */
  readonly #viewed = new Set<LoadedArchive>();

  constructor(plan: LoadPlan, host: string, order: LoadOrder) {
    this.parallel = Math.max(1, order.parallel ?? availableParallelism());
    this.#plan = plan;
    this.#order = order;
    this.#made = order.made ?? new Map();
    this.#progress = new LoadProgress(plan.archives, host, order.emit);
    this.#signal = AbortSignal.any([order.signal, this.#ending.signal]);
  }

  /** Settles when all have; throws what the first of them threw by itself. */
  async together<T>(works: readonly Promise<T>[]): Promise<readonly T[]> {
    let first: { readonly error: unknown } | undefined;
    const watched = works.map((work) =>
      work.catch((error: unknown) => {
        first ??= { error };
        this.#ending.abort(new CoffreError('interrupted', 'cannot go on loading: another load has failed'));
        return undefined;
      }),
    );
    const results = await Promise.all(watched);
    if (first) throw first.error;
    return results as readonly T[];
  }

  /** Loads the tables of a sequence of archives, up to the accounts, which have to wait for all others. */
  async tables(
    sequence: OpenedSequence,
  ): Promise<{ readonly sequence: OpenedSequence; readonly file: OpenedFile } | undefined> {
    try {
      for (let next = await sequence.next(); !next.done; next = await sequence.next()) {
        const file = next.value;
        if (file.archive.database === null) return { sequence, file };
        await this.#attempt(file.archive, () => this.#table(file));
      }
      return undefined;
    } finally {
      // What it used may go to those that still load.
      this.budget.give(1);
    }
  }

  async #table(file: OpenedFile): Promise<void> {
    const from = performance.now();
    const { target, emit, lateKeysBytes } = this.#order;
    const { archive } = file;
    const name = this.#nameOf(archive);
    if (name === null) return;
    const made = new MadeNames();
    this.#made.set(name, made);
    const loaded = await loadArchive(file, name, this.#selectionOf(archive), {
      ...{
        target,
        signal: this.#signal,
        budget: this.budget,
        deferred: this.#deferred,
        lateKeysBytes,
        progress: this.#progress,
        made,
      },
      readsOn: (error) => isOfOneDatabase(error),
    });
    this.sealed.set(archive, loaded.digests);
    if (loaded.rest.views.length > 0) {
      this.#withoutViews.add(loaded);
      this.#viewed.add(loaded);
    }
    if (loaded.rest.views.length + loaded.rest.events.length > 0) this.#unfinished.add(loaded);
    if (!namesAny(loaded, this.#notYetThere())) await this.#makeViews([loaded], false);
    const durationMs = Math.round(performance.now() - from);
    emit({ kind: 'phase-ended', phase: 'load', subject: name, durationMs });
  }

  /** Makes what views have waited for tables of others. */
  async views(): Promise<void> {
    await this.#makeViews([...this.#withoutViews], true);
    await this.#failDependents();
  }

  /** A view that was made while there still was what it is on is of no use any more, and no dump of it can be made. */
  async #failDependents(): Promise<void> {
    for (let failed = 0; failed < this.failures.length; ) {
      failed = this.failures.length;
      const gone = this.failures.flatMap(({ archive }) => this.#nameOf(archive) ?? []);
      for (const each of this.#viewed) {
        if (!this.sealed.has(each.archive) || !namesAny(each, gone)) continue;
        const what = `cannot load the views of ${each.name}: they are on a database that could not be restored`;
        const hint = 'restore that one, and then this one';
        await this.#attempt(each.archive, () => Promise.reject(new CoffreError('restore-failed', what, { hint })));
      }
    }
  }

  async #makeViews(loaded: readonly LoadedArchive[], last: boolean): Promise<void> {
    this.#signal.throwIfAborted();
    const failed = await makeViews(this.#order.target, loaded);
    for (const each of loaded) {
      const error = failed.get(each);
      if (error !== undefined && !last) continue;
      this.#withoutViews.delete(each);
      if (error !== undefined) await this.#attempt(each.archive, () => Promise.reject(error));
      if (error !== undefined || each.rest.events.length === 0) this.#unfinished.delete(each);
    }
  }

  /** Loads the accounts: the grants on a table need the table. */
  async accounts({ archive, content }: OpenedFile): Promise<void> {
    const { target, emit } = this.#order;
    await this.#attempt(archive, async () => {
      const from = performance.now();
      const opened = openArchive(content, 'accounts', compressionOf(archive.file));
      const meter = { emit, signal: this.#signal, phase: 'load', subject: 'accounts', totalBytes: archive.plainBytes };
      const kept = new Set(this.#plan.keptLogins);
      const { secured } = await readServerAccounts(target);
      const sql = withLogins(metered(opened.sql, meter), { kept, emptied: secured });
      const lost = await loadAccounts(target, sql);
      if (lost.length > 0) tellLostGrants(lost, (await inspectTarget(target)).databases, emit);
      this.sealed.set(archive, await opened.digests);
      const durationMs = Math.round(performance.now() - from);
      emit({ kind: 'phase-ended', phase: 'load', subject: 'accounts', durationMs });
    });
  }

  /** Makes the events: they go to work as soon as they are there. */
  async events(): Promise<void> {
    for (const each of this.#unfinished) {
      this.#signal.throwIfAborted();
      const { name, rest, archive } = each;
      await this.#attempt(archive, () => loadHeld(this.#order.target, name, rest.preamble, rest.events));
      this.#unfinished.delete(each);
    }
    await this.#failDependents();
  }

  /** After an error that ends all: nobody may take what is not whole for what it was. */
  async takeBackUnfinished(): Promise<void> {
    const cut = new CoffreError('interrupted', 'its load was cut short');
    for (const { name } of this.#unfinished) await this.#takeBack(name, cut);
  }

  /** Does it, or takes the database back. Throws what is not of this database alone. */
  async #attempt(archive: Archive, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const error = asCoffreError(thrown);
      const name = this.#nameOf(archive);
      this.sealed.delete(archive);
      for (const each of this.#unfinished) if (each.archive === archive) this.#unfinished.delete(each);
      if (name !== null) await this.#takeBack(name, error);
      if (!isOfOneDatabase(thrown)) throw thrown;
      this.failures.push({ archive, error });
    }
  }

  async #takeBack(database: DatabaseName, error: CoffreError): Promise<void> {
    this.#deferred.forget(database);
    const archive = this.#plan.archives.find((each) => this.#nameOf(each) === database);
    const selection = archive ? this.#selectionOf(archive) : WHOLE;
    const joined = this.#plan.joined?.includes(database) ? selection.tables : null;
    const old = this.#plan.aside?.find(({ by }) => by === database);
    const alone = selectingWords(archive?.database ?? database, selection);
    await takeBack({ database, joined, alone, made: this.#made.get(database), old }, error, this.#order);
  }

  #selectionOf(archive: Archive): Selection {
    return this.#plan.selections?.get(archive) ?? WHOLE;
  }

  /** Its name in the server; null for the accounts. */
  #nameOf(archive: Archive): DatabaseName | null {
    return archive.database === null ? null : (this.#selectionOf(archive).as ?? archive.database);
  }

  #notYetThere(): readonly DatabaseName[] {
    const failed = new Set(this.failures.map(({ archive }) => archive));
    return this.#plan.archives.flatMap((archive) => {
      const name = this.#nameOf(archive);
      return name === null || this.sealed.has(archive) || failed.has(archive) ? [] : [name];
    });
  }
}

function isOfOneDatabase(error: unknown): boolean {
  return OF_ONE_DATABASE.includes(asCoffreError(error).code);
}
