import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { SnapshotRecord } from '../model/snapshot-record.ts';
import { asStage, type Bytes, type DumpStream } from '../model/stages.ts';
import { type Clock, systemClock } from '../system/clock.ts';
import { assembleDumps, loadOrder } from './assemble-dumps.ts';
import { type BarrierKind, type BarrierLimits, barrierFor } from './barrier.ts';
import type { Ask } from './client.ts';
import type { Connection } from './connection.ts';
import { describePlan } from './describe-plan.ts';
import type { Dump, Dumper } from './dump.ts';
import { DumpSet, tablesIn } from './dump-set.ts';
import { dumpViews } from './dump-views.ts';
import { firstPlan, inCompany, type PlanWishes } from './first-plan.ts';
import { holdDump } from './hold-dump.ts';
import { keepGrantHere } from './import-role.ts';
import type { ServerFacts } from './inspect-server.ts';
import { type Lanes, readLanes } from './lane-conditions.ts';
import { adjustPlan, type DumpPlan, lanesIn, singleDumpPlan } from './plan-dumps.ts';
import { withPublicGrants } from './public-grants.ts';
import { SchemaWatch } from './schema-watch.ts';
import { asServerGone } from './server-gone.ts';
import { snapshotRecord } from './snapshot-record.ts';
import { type DumpTools, readDumpTools, startDump } from './start-dump.ts';
import { LOCK_TRIES, type StartedDumps, startUnderBarrier, startWithoutBarrier } from './start-under-barrier.ts';
import { TableLocks } from './table-locks.ts';

/**
 * All dumps of a server at one point in time. All streams of all dumpers, those of lanes included, MUST be read
 * concurrently: the server ends a dump that nobody reads for a minute.
 */
export interface Snapshot {
  readonly record: SnapshotRecord;
  /** The dump program and its version. */
  readonly program: string;
  /** What is dumped by how many programs, in one line. */
  readonly plan: string;
  /** Why there is no barrier, where there is none. */
  readonly fallback: CoffreError | undefined;
  /**
   * In an order in which they can be loaded one after another: the largest first where nothing depends on another, the
   * accounts last.
   */
  readonly dumps: readonly Dump[];
  readonly dumpers: readonly Dumper[];
  /** Dumps from which to take the views and the last lines of each database, where a dumper has several. */
  readonly views: readonly DumpStream[];
  /** The error of a dump that holds other objects than it should: `schema-changed` where that is why, otherwise `error`. */
  explain(databases: readonly DatabaseName[], error: unknown): Promise<unknown>;
  /** Ends every dump that still runs. */
  close(): Promise<void>;
}

export interface SnapshotOptions extends PlanWishes {
  readonly signal?: AbortSignal | undefined;
  readonly barrier?: BarrierKind;
  /** Called once commits are held back, beside the start of the dumps; `ask` is of the session that holds them. */
  readonly whileHeld?: ((ask: Ask) => Promise<void>) | undefined;
  readonly limits?: Partial<BarrierLimits>;
  /** What is done without the lock: one program for all databases, which needs none; or nothing. */
  readonly fallback?: 'single-dump' | 'fail';
  readonly clock?: Clock;
}

const LIMITS: BarrierLimits = { lockWaitMs: 10_000, holdMs: 5000 };

/**
 * Starts dumps of all databases and of the accounts, all of which see the server at the same point. With the binary log
 * on, the position that every dump reports for itself is the proof, and is compared.
 *
 * Throws `lock-timeout` or `dump-failed` when the lock cannot be had or must be held for too long and there is to be no
 * fallback, `too-many-connections`, and `interrupted` on `signal`. So do the dumps; they throw `lock-timeout` when somebody
 * has locked a table, and keeps it for as long as all tries for the barrier's lock may take.
 */
export async function openSnapshot(
  connection: Connection,
  server: ServerFacts,
  options: SnapshotOptions = {},
): Promise<Snapshot> {
  const opening = new Opening(connection, server, options);
  try {
    return await opening.open();
  } catch (error) {
    await opening.close();
    opening.assertGoesOn();
    throw opening.explained(error);
  }
}

class Opening {
  readonly #connection: Connection;
  readonly #server: ServerFacts;
  readonly #options: SnapshotOptions;
  readonly #limits: BarrierLimits;
  readonly #stop = () => this.#set?.stop();
  #set: DumpSet | undefined;
  #plan: DumpPlan = { groups: [] };
  #locks: TableLocks | undefined;
  #closed = false;

  constructor(connection: Connection, server: ServerFacts, options: SnapshotOptions) {
    this.#connection = connection;
    this.#server = server;
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  async open(): Promise<Snapshot> {
    const { signal, nonTransactional, barrier, fallback = 'single-dump' } = this.#options;
    this.assertGoesOn();
    signal?.addEventListener('abort', this.#stop, { once: true });
    const server = this.#server;
    const tools = { ...(await readDumpTools(this.#connection)), tableWaitMs: LOCK_TRIES * this.#limits.lockWaitMs };
    const plan = firstPlan(server, this.#options);
    const lanes = await readLanes(this.#connection, plan);
    const early = inCompany(plan);
    const views = early.length === 0 ? [] : [await dumpViews(tools, early)];

    const orderFor = (planFor: (present: readonly DatabaseName[]) => DumpPlan) => ({
      tools,
      server,
      lockTables:
        nonTransactional === 'lock' ? () => TableLocks.take(this.#connection, server, this.#limits) : undefined,
      start: (counts: StartedDumps['counts']) => {
        this.#plan = planFor(loadOrder(counts, server));
        this.#set = new DumpSet(tools, this.#plan.groups, lanes, server.binlog);
        return this.#set;
      },
      whileHeld: this.#options.whileHeld,
      assertGoesOn: () => this.assertGoesOn(),
      clock: this.#options.clock ?? systemClock,
    });
    const kind = barrier ?? barrierFor(server.version);
    const outcome = await startUnderBarrier(
      orderFor((present) => adjustPlan(plan, present)),
      kind,
      this.#limits,
    );
    const left = outcome.kind === 'left' ? outcome : undefined;
    if (left && fallback === 'fail') throw left.error;
    const started = outcome.kind === 'started' ? outcome : await startWithoutBarrier(orderFor(singleDumpPlan));
    this.#locks = started.locks;
    const record = snapshotRecord(started, kind, left, this.#locks?.count ?? 0);
    return {
      record,
      program: tools.program.version,
      plan: describePlan(this.#plan),
      fallback: left?.error,
      ...this.#assembled(started, await this.#structures(tools, lanes)),
      views: [...views, ...(await this.#lateViews(tools, new Set(early), started))],
      close: () => this.close(),
    };
  }

  /** Ends all that has been started. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.signal?.removeEventListener('abort', this.#stop);
    await this.#set?.close();
    await this.#locks?.close();
  }

  assertGoesOn(): void {
    if (this.#options.signal?.aborted) throw new CoffreError('interrupted', 'cannot finish the dump: interrupted');
  }

  /** Of databases that were not to be in a group with others when the plan was made. One at least, for the last lines. */
  async #lateViews(
    tools: DumpTools,
    early: ReadonlySet<DatabaseName>,
    { counts }: StartedDumps,
  ): Promise<readonly DumpStream[]> {
    const late = inCompany(this.#plan).filter((name) => !early.has(name));
    const withViews = late.filter((name) => (counts.get(name)?.views ?? 0) > 0);
    const needed = withViews.length === 0 && early.size === 0 ? late.slice(0, 1) : withViews;
    return needed.length === 0 ? [] : [await dumpViews(tools, needed)];
  }

  /**
   * Of the tables in lanes. They are of no snapshot and of a moment after it, like all definitions: where they are not those
   * with which the rows come, the archive is refused. One program at a time, in the place of the session that held the lock.
   */
  async #structures(tools: DumpTools, lanes: Lanes): Promise<ReadonlyMap<DatabaseName, DumpStream>> {
    const structures = new Map<DatabaseName, DumpStream>();
    for (const database of this.#plan.groups.filter((group) => lanesIn(group) > 0).flatMap((each) => each.databases)) {
      const tables = tablesIn(lanes.get(database) ?? []);
      structures.set(database, await holdDump(startDump(tools, { kind: 'structures', database, tables }, false)));
    }
    return structures;
  }

  #assembled(
    { set, counts, definitions, publicGrants }: StartedDumps,
    structures: ReadonlyMap<DatabaseName, DumpStream>,
  ) {
    const locks = this.#locks;
    const schema = new SchemaWatch(this.#connection, definitions, () => this.#closed);
    const { running } = set;
    const streams = running.map(({ of, process }) => {
      const output =
        of.kind === 'accounts' ? withPublicGrants(keepGrantHere(process.output()), publicGrants) : process.output();
      const dump = this.#interruptible(locks ? locks.during(of, output) : output);
      return asStage<DumpStream>(this.#explaining(schema.during(of, dump)));
    });
    return {
      ...assembleDumps({ running, streams, counts, structures, locked: locks !== undefined }, this.#server),
      explain: (databases: readonly DatabaseName[], error: unknown) => schema.explain(databases, error),
    };
  }

  /** A stopped dump program looks like a failed one: after an interruption this says what really happened. */
  async *#interruptible(source: Bytes): Bytes {
    try {
      yield* source;
    } catch (error) {
      this.assertGoesOn();
      throw this.explained(error);
    }
  }

  async *#explaining(source: Bytes): Bytes {
    try {
      yield* source;
    } catch (error) {
      throw this.explained(error);
    }
  }

  /** Once dumps have been started it does not matter who notices first that the server has gone. */
  explained(error: unknown): unknown {
    const databases = this.#plan.groups.flatMap((group) => group.databases);
    return this.#set ? asServerGone(error, this.#connection, databases) : error;
  }
}
