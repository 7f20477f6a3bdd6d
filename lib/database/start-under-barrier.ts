import * as z from 'zod';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import type { SnapshotRecord } from '../model/snapshot-record.ts';
import { type Clock, sleep } from '../system/clock.ts';
import { Barrier, type BarrierKind, type BarrierLimits } from './barrier.ts';
import { type Ask, query } from './client.ts';
import { type Definitions, readDefinitions } from './definitions.ts';
import type { BinlogPosition } from './dump-process.ts';
import type { DumpSet } from './dump-set.ts';
import type { ServerFacts } from './inspect-server.ts';
import { readPublicGrants } from './public-grants.ts';
import { countObjects } from './read-objects.ts';
import type { DumpTools } from './start-dump.ts';
import type { TableLocks } from './table-locks.ts';

export interface StartOrder {
  readonly tools: DumpTools;
  readonly server: ServerFacts;
  /** Keeps tables without transactions from being written to, where that is asked for. */
  readonly lockTables?: (() => Promise<TableLocks | undefined>) | undefined;
  /** The programs for the databases that there are. */
  readonly start: (counts: ReadonlyMap<DatabaseName, ObjectCounts>) => DumpSet;
  /** Called by a barrier that holds commits back, with its session. */
  readonly whileHeld?: ((ask: Ask) => Promise<void>) | undefined;
  readonly assertGoesOn: () => void;
  readonly clock: Clock;
}

/** Dumps that are past the start of their transaction. */
export interface StartedDumps {
  readonly kind: 'started';
  readonly set: DumpSet;
  /** Held until they are dumped. */
  readonly locks: TableLocks | undefined;
  readonly counts: ReadonlyMap<DatabaseName, ObjectCounts>;
  /** From before the snapshot, and where a barrier held changes of tables back, of its moment. */
  readonly definitions: Definitions;
  readonly publicGrants: readonly string[];
  /** In the order of the programs of `set`. */
  readonly positions: readonly (BinlogPosition | null)[];
  readonly gtid: string | null;
  /** How long commits were held back. */
  readonly heldMs: number;
  /** How long the lock was waited for, all tries together. */
  readonly waitedMs: number;
}

/** A barrier that did not serve: nothing of it is held any more, and no dump runs. */
export interface LeftBarrier {
  readonly kind: 'left';
  readonly reason: NonNullable<SnapshotRecord['fallback']>;
  readonly waitedMs: number;
  readonly error: CoffreError;
}

/** The lock is asked for so often, with a pause in between in which whoever waits behind it gets on. */
export const LOCK_TRIES = 3;
const PAUSE_MS = 2000;

/**
 * Starts all dumps while a session of its own holds commits back until each of them is past START TRANSACTION, typically
 * for well under a second. A barrier that cannot be had, or would have to stand for too long, is left; throws for
 * anything else.
 */
export async function startUnderBarrier(
  order: StartOrder,
  kind: BarrierKind,
  limits: BarrierLimits,
): Promise<StartedDumps | LeftBarrier> {
  let waitedMs = 0;
  for (let tries = 1; ; tries += 1) {
    order.assertGoesOn();
    const outcome = await tryOnce(order, kind, limits);
    waitedMs += outcome.waitedMs;
    if (outcome.kind === 'started' || outcome.reason !== 'lock-timeout' || tries === LOCK_TRIES) {
      return { ...outcome, waitedMs };
    }
    await sleep(PAUSE_MS);
  }
}

async function tryOnce(
  order: StartOrder,
  kind: BarrierKind,
  limits: BarrierLimits,
): Promise<StartedDumps | LeftBarrier> {
  const { tools, server, clock } = order;
  const now = () => clock.now().getTime();
  const barrier = await Barrier.open(tools.connection, kind, limits);
  const ask: Ask = (sql, row) => barrier.session.ask(sql, row);
  let set: DumpSet | undefined;
  let locks: TableLocks | undefined;
  let waitedMs = 0;
  const left = (reason: LeftBarrier['reason'], error: CoffreError): LeftBarrier => ({
    kind: 'left',
    reason,
    waitedMs,
    error,
  });
  const waiting = async (act: () => Promise<void>) => {
    const from = now();
    await act().finally(() => {
      waitedMs += now() - from;
    });
  };
  const giveUp = async () => {
    await set?.close();
    await locks?.close();
  };
  try {
    // First: a writer that the barrier keeps waiting has its table open, so that no lock of the table could be had.
    await waiting(async () => {
      locks = await order.lockTables?.();
    });
    await waiting(() => barrier.holdSchema());
    const counts = await countObjects(ask, server.exclude);
    const definitions = await readDefinitions(ask);
    const publicGrants = await readPublicGrants(tools.connection, server.version);
    const heldFrom = now();
    await waiting(() => barrier.holdCommits());
    set = order.start(counts);
    const reached = set.reachSnapshot(server.binlog, limits.holdMs - (now() - heldFrom));
    const [positions] = await Promise.all([reached, order.whileHeld?.(ask)]);
    if (positions === 'late') {
      await giveUp();
      return left('hold-limit', tooLong(limits.holdMs));
    }
    const gtid = server.binlog ? await readGtid(ask) : null;
    await barrier.release();
    const heldMs = now() - heldFrom;
    return { kind: 'started', set, locks, counts, definitions, publicGrants, positions, gtid, heldMs, waitedMs };
  } catch (thrown) {
    await giveUp();
    order.assertGoesOn();
    const error = asCoffreError(thrown);
    if (error.code === 'lock-timeout' || error.code === 'too-many-connections') return left(error.code, error);
    throw error;
  } finally {
    await barrier.close();
  }
}

function tooLong(holdMs: number): CoffreError {
  return new CoffreError(
    'dump-failed',
    `cannot take one snapshot: not every dump had started after ${holdMs / 1000} s`,
    {
      hint: 'commits are free again; look at: SHOW FULL PROCESSLIST',
    },
  );
}

const GtidRow = z.object({ gtid: z.string() });

async function readGtid(ask: Ask): Promise<string | null> {
  const [row] = await ask("SELECT JSON_OBJECT('gtid', @@GLOBAL.gtid_binlog_pos)", GtidRow);
  return row?.gtid ?? null;
}

/**
 * Starts the dumps without holding anything back: one point in time only as far as one program reads everything. The
 * accounts may be as of a moment later.
 */
export async function startWithoutBarrier(order: StartOrder): Promise<StartedDumps> {
  const { tools, server } = order;
  const ask: Ask = (sql, row) => query(tools.connection, sql, row);
  const counts = await countObjects(ask, server.exclude);
  const definitions = await readDefinitions(ask);
  const publicGrants = await readPublicGrants(tools.connection, server.version);
  const locks = await order.lockTables?.();
  const set = order.start(counts);
  try {
    const positions = await set.reachSnapshot(server.binlog);
    if (positions === 'late') throw tooLong(0);
    const gtid = await gtidAt(ask, positions[0] ?? null);
    return { kind: 'started', set, locks, counts, definitions, publicGrants, positions, gtid, heldMs: 0, waitedMs: 0 };
  } catch (error) {
    await set.close();
    await locks?.close();
    order.assertGoesOn();
    throw error;
  }
}

/** The server knows it for a place that is not long ago. */
async function gtidAt(ask: Ask, at: BinlogPosition | null): Promise<string | null> {
  if (at === null) return null;
  const Row = z.object({ gtid: z.string().nullable() });
  const [row] = await ask(`SELECT JSON_OBJECT('gtid', BINLOG_GTID_POS('${at.file}', ${at.position}))`, Row);
  return row?.gtid ?? null;
}
