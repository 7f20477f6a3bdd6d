import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { CoffreError } from '../model/error.ts';
import type { SnapshotRecord } from '../model/manifest.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import { asStage, type Bytes, type DumpStream } from '../model/stages.ts';
import { type Clock, systemClock } from '../system/clock.ts';
import { Barrier, type BarrierKind, barrierFor } from './barrier.ts';
import type { Ask } from './client.ts';
import { type Connection, clientArguments, clientUser } from './connection.ts';
import { type BinlogPosition, DumpProcess } from './dump-process.ts';
import { dumpArguments, readDumpProgram } from './dump-program.ts';
import type { ServerFacts } from './inspect-server.ts';
import { orderForLoading } from './load-order.ts';
import { isEmptyForeignFolder } from './obstacles.ts';
import { readPublicGrants, withPublicGrants } from './public-grants.ts';
import { countObjects, NO_OBJECTS } from './read-objects.ts';
import { Session } from './session.ts';
import { quoteIdentifier } from './sql-text.ts';
import { type Trickle, Turns } from './turns.ts';

/** One dump of a snapshot. */
export interface Dump {
  /** null for the accounts. */
  readonly database: DatabaseName | null;
  /** What the server had at the snapshot. */
  readonly expected: ObjectCounts;
  /** Tables whose rows may be newer than the snapshot, because their engine has no transactions. */
  readonly notPointInTimeTables: number;
  /** Can be read once. Throws when the dump is not complete. */
  readonly stream: DumpStream;
}

/**
 * All dumps of a server at one point in time, in an order in which they can be loaded one after another: the largest
 * first where nothing depends on another, the accounts last. All of them MUST be read concurrently.
 */
export interface Snapshot {
  readonly record: SnapshotRecord;
  /** The dump program and its version. */
  readonly program: string;
  readonly dumps: readonly Dump[];
  /** Ends every dump that still runs. */
  close(): Promise<void>;
}

export interface SnapshotOptions {
  /** Dumps that run at full speed at a time; one more than there are cores if absent, since each often waits for the server. */
  readonly parallel?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the lock, and then how long to hold it at most. */
  readonly lockLimitMs?: number;
  readonly barrier?: BarrierKind;
  /** Called once commits are held back, beside the start of the dumps; `ask` is of the session that holds them. */
  readonly whileHeld?: ((ask: Ask) => Promise<void>) | undefined;
  readonly trickle?: Trickle;
  readonly clock?: Clock;
}

const LOCK_LIMIT_MS = 30_000;

type Subject = Omit<Dump, 'stream'>;

interface Started extends Subject {
  readonly process: DumpProcess;
}

/**
 * Starts a dump of every database, and one of the accounts, all of which see the server at the same point: a session
 * of its own holds commits back until each of them is past START TRANSACTION, typically for well under a second.
 * With the binary log on, the position that every dump reports for itself is the proof, and is compared.
 *
 * Throws `dump-failed` when the lock cannot be had or must be held for too long, `interrupted` on `signal`.
 */
export async function openSnapshot(
  connection: Connection,
  server: ServerFacts,
  options: SnapshotOptions = {},
): Promise<Snapshot> {
  const { signal, clock = systemClock, lockLimitMs = LOCK_LIMIT_MS } = options;
  const program = await readDumpProgram();
  const args = await clientArguments(connection);
  const as = await clientUser(connection);
  const session = await Session.open(connection);
  const barrier = new Barrier(session, options.barrier ?? barrierFor(server.version), lockLimitMs);
  const started: Started[] = [];
  const stopAll = () => {
    for (const { process } of started) process.stop();
  };
  const close = async () => {
    signal?.removeEventListener('abort', stopAll);
    stopAll();
    await Promise.all(started.map(({ process }) => process.gone()));
  };
  signal?.addEventListener('abort', stopAll, { once: true });
  try {
    assertGoesOn(signal);
    await barrier.holdSchema();
    const ask: Ask = (sql, row) => session.ask(sql, row);
    const subjects = [...inLoadOrder(await countObjects(ask, server.exclude), server), ACCOUNTS];
    const publicGrants = await readPublicGrants(connection, server.version);
    await barrier.holdCommits();
    const heldFrom = clock.now().getTime();
    for (const subject of subjects) {
      const { database } = subject;
      const name = database === null ? 'the accounts' : `the database ${quoteIdentifier(database)}`;
      const all = [...args, ...dumpArguments(database, { ...server, ...program })];
      started.push({ ...subject, process: new DumpProcess(program.command, all, name, connection, as) });
    }
    const reached = Promise.all(started.map(({ process }) => process.reachSnapshot(server.binlog)));
    const held = Promise.all([reached, options.whileHeld?.(ask)]);
    const [positions] = await within(lockLimitMs, held, stopAll);
    const gtid = server.binlog ? await readGtid(ask) : null;
    await barrier.release();
    const heldMs = clock.now().getTime() - heldFrom;
    await session.close();
    const outputOf = ({ database }: Subject, process: DumpProcess) =>
      database === null ? withPublicGrants(process.output(), publicGrants) : process.output();
    const turns = new Turns(options.parallel ?? availableParallelism() + 1, options.trickle);
    return {
      record: { barrier: barrier.kind, heldMs, binlog: samePosition(positions), gtid, dumps: started.length },
      program: program.version,
      dumps: started.map(({ process, ...subject }) => ({
        ...subject,
        stream: asStage<DumpStream>(interruptible(turns.pace(outputOf(subject, process)), signal)),
      })),
      close,
    };
  } catch (error) {
    await close();
    await session.close();
    assertGoesOn(signal);
    throw error;
  }
}

const ACCOUNTS: Subject = { database: null, expected: NO_OBJECTS, notPointInTimeTables: 0 };

/** What there is now, also when it was made after the inspection. */
function inLoadOrder(
  counts: ReadonlyMap<DatabaseName, ObjectCounts>,
  { databases, viewReferences }: ServerFacts,
): readonly Subject[] {
  const facts = new Map(databases.map((each) => [each.name, each]));
  const size = (name: DatabaseName) => facts.get(name)?.dataBytes ?? 0;
  const names = [...counts].flatMap(([name, found]) => (isEmptyForeignFolder(name, found) ? [] : [name]));
  names.sort((a, b) => size(b) - size(a));
  return orderForLoading(names, viewReferences).map((database) => ({
    database,
    expected: counts.get(database) ?? NO_OBJECTS,
    notPointInTimeTables: facts.get(database)?.notPointInTimeTables ?? 0,
  }));
}

async function within<T>(limitMs: number, work: Promise<T>, stop: () => void): Promise<T> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, limitMs);
  try {
    return await work;
  } catch (error) {
    if (!late) throw error;
    throw new CoffreError(
      'dump-failed',
      `cannot take one snapshot: not every dump had started after ${limitMs / 1000} s`,
      { hint: 'commits are free again; look at: SHOW FULL PROCESSLIST', cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

const GtidRow = z.object({ gtid: z.string() });

async function readGtid(ask: Ask): Promise<string | null> {
  const [row] = await ask("SELECT JSON_OBJECT('gtid', @@GLOBAL.gtid_binlog_pos)", GtidRow);
  return row?.gtid ?? null;
}

/** The one position of all dumps. Throws `dump-failed` when they differ: then there is no snapshot. */
export function samePosition(positions: readonly (BinlogPosition | null)[]): BinlogPosition | null {
  const [first = null] = positions;
  const same = positions.every((each) => each?.file === first?.file && each?.position === first?.position);
  if (same) return first;
  throw new CoffreError('dump-failed', 'cannot take one snapshot: the dumps report different binary log positions', {
    hint: 'run the backup again',
  });
}

function assertGoesOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CoffreError('interrupted', 'cannot finish the dump: interrupted');
}

/** A stopped dump program looks like a failed one: after an interruption this says what really happened. */
async function* interruptible(source: Bytes, signal: AbortSignal | undefined): Bytes {
  try {
    yield* source;
  } catch (error) {
    assertGoesOn(signal);
    throw error;
  }
}
