import { readFinalViews } from '../archive/final-views.ts';
import type { Dump } from '../database/dump.ts';
import { openSnapshot, type Snapshot, type SnapshotOptions } from '../database/snapshot.ts';
import { type Archive, NAMED_TABLES } from '../model/archive-record.ts';
import type { DatabaseConfig } from '../model/database-config.ts';
import type { Emit } from '../model/event.ts';
import type { ReplicationRecord, SnapshotRecord } from '../model/snapshot-record.ts';
import type { DumpStream } from '../model/stages.ts';
import type { RunFolder } from '../storage/run-folders.ts';
import type { ArchiveUnderWay } from './archives-as-durable.ts';
import { eachDump } from './each-dump.ts';
import { openAtReplica } from './open-at-replica.ts';
import type { PreparedRun } from './prepare-run.ts';
import { publishedName } from './seal-names.ts';
import { storeDump } from './store-dump.ts';

/** Dumps on their way into the store. */
export interface DumpsUnderWay {
  /** In an order in which they can be loaded. */
  readonly archives: readonly ArchiveUnderWay[];
  /** As it is published. */
  readonly snapshot: SnapshotRecord;
  /** Every name of a database or a table that the manifest of the run says, in whichever way. */
  readonly names: ReadonlySet<string>;
  /** null unless the server is a replica. */
  readonly replication: ReplicationRecord | null;
  readonly dumpProgram: string;
  /** What went wrong first: the other dumps were stopped for it. Once all of `archives` have settled. */
  failure(): { readonly error: unknown } | undefined;
  /** Ends every dump that still runs, and waits until nothing is written any more. MUST be called. */
  close(): Promise<void>;
}

/** Tables without transactions are named for so many; with more of them in a run the rest is only counted. */
const NAMED_IN_A_RUN = 1000;

/**
 * Dump → archive → seal → store, for every database and the accounts, all at one snapshot. When one fails, all are
 * stopped, and nothing counts. Databases that share a dump program are stored one after another.
 */
export async function backUpDatabases(
  prepared: PreparedRun,
  folder: RunFolder,
  emit: Emit,
  signal: AbortSignal,
): Promise<DumpsUnderWay> {
  const { connection, server, host } = prepared;
  const { snapshot, replication } = await openAtReplica(prepared, emit, (whileHeld) =>
    openSnapshot(connection, server, { ...snapshotOptions(host.database), signal, whileHeld }),
  );
  tell(snapshot, host.name, emit);
  let first: { readonly error: unknown } | undefined;
  const fail = async (error: unknown) => {
    first ??= { error };
    await snapshot.close(); // the others end too, instead of working for nothing
  };
  const named = namedTables(snapshot.dumps);
  const writing: Promise<Archive>[] = [];
  const store = (dump: Dump, stream: DumpStream) => {
    const stored = storeDump(dump, stream, { prepared, folder, emit, signal, named: named.get(dump) ?? [] });
    writing.push(stored);
    return stored;
  };
  const promised = new Map(snapshot.dumps.map((dump) => [dump, promise<Archive>()]));
  const ends = readFinalViews(snapshot.views);
  ends.catch(() => undefined); // every group waits for it
  for (const dumper of snapshot.dumpers) {
    const work = eachDump(dumper, ends, (dump, own) => {
      const archive = store(dump, own);
      archive.then(promised.get(dump)?.resolve, () => undefined);
      return archive;
    });
    work.catch(async (error: unknown) => {
      const databases = dumper.dumps.flatMap(({ database }) => database ?? []);
      const explained = await snapshot.explain(databases, error);
      await fail(explained);
      for (const dump of dumper.dumps) promised.get(dump)?.reject(explained);
    });
  }
  const archives = snapshot.dumps.flatMap((dump): ArchiveUnderWay | [] => {
    const durable = promised.get(dump)?.settled;
    durable?.catch(() => undefined); // `failure` tells
    return durable ? { database: dump.database, after: dump.after, durable } : [];
  });
  return {
    archives,
    snapshot: publishedSnapshot(snapshot.record, prepared.namesKey),
    names: namesIn(snapshot, named),
    replication,
    dumpProgram: snapshot.program,
    failure: () => first,
    async close() {
      await snapshot.close();
      await Promise.allSettled(writing);
    },
  };
}

function snapshotOptions({ parallel, snapshot, nonTransactional }: DatabaseConfig): SnapshotOptions {
  const { lockWaitSeconds, holdSeconds, fallback } = snapshot;
  const limits = { lockWaitMs: lockWaitSeconds * 1000, holdMs: holdSeconds * 1000 };
  return { parallel, limits, fallback, nonTransactional };
}

function tell({ record, plan, fallback }: Snapshot, subject: string, emit: Emit): void {
  const { heldMs, dumps, waitedMs = 0 } = record;
  emit({ kind: 'note', subject, text: plan });
  if (!fallback) {
    const waited = waitedMs < 1000 ? '' : `, after waiting ${Math.round(waitedMs / 1000)} s for the lock`;
    emit({
      kind: 'note',
      subject,
      text: `one snapshot over ${dumps} dumps, commits held back for ${heldMs} ms${waited}`,
    });
    return;
  }
  emit({
    kind: 'warning',
    subject,
    text: `all databases are in one dump, which needs no lock and takes longer: ${fallback.message}`,
    hint: fallback.hint ?? 'look at: SHOW FULL PROCESSLIST',
  });
}

function namesIn({ dumps, record }: Snapshot, named: ReturnType<typeof namedTables>): ReadonlySet<string> {
  const databases = dumps.flatMap(({ database }) => database ?? []);
  const tables = [...named.values()].flat().map(({ table }) => table);
  return new Set([...databases, ...tables, ...(record.positions ?? []).flatMap(({ table }) => table ?? [])]);
}

function publishedSnapshot({ positions, ...record }: SnapshotRecord, key: PreparedRun['namesKey']): SnapshotRecord {
  if (!positions) return record;
  const named = (table: string | null) => (table === null ? null : publishedName(key, table));
  return { ...record, positions: positions.map(({ table, ...each }) => ({ ...each, table: named(table) })) };
}

/** The tables without transactions that a manifest names. */
function namedTables(dumps: readonly Dump[]): ReadonlyMap<Dump, Dump['notPointInTime']> {
  let left = NAMED_IN_A_RUN;
  return new Map(
    dumps.map((dump) => {
      const named = dump.notPointInTime.slice(0, Math.min(left, NAMED_TABLES));
      left -= named.length;
      return [dump, named] as const;
    }),
  );
}

function promise<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const settled = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { settled, resolve, reject };
}
