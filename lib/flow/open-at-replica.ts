import { startStopped, whileStopped } from '../database/applier-journal.ts';
import type { Ask } from '../database/client.ts';
import { connectionOf } from '../database/connection.ts';
import {
  askCoordinates,
  type Coordinates,
  readCoordinates,
  replicationRecord,
} from '../database/replica-coordinates.ts';
import { asCoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { ReplicationRecord, SnapshotRecord } from '../model/snapshot-record.ts';
import { sleep } from '../system/clock.ts';
import type { PreparedRun } from './prepare-run.ts';

/** Between the two looks at coordinates that may not move. */
const APART_MS = 50;

/** What a snapshot calls while it holds commits back; `ask` is of the session that does. */
export type WhileHeld = (ask: Ask) => Promise<void>;

/**
 * Opens the snapshot of a run, and beside it looks where in its primaries' history the server is: while commits are held
 * back, or, where the inventory asks for it, while nothing is applied at all. `open` MUST return as soon as every dump has
 * started. The record is null for a server that is no replica.
 */
export async function openAtReplica<Snapshot extends { readonly record: SnapshotRecord }>(
  { host, run, connection, sources }: PreparedRun,
  emit: Emit,
  open: (whileHeld: WhileHeld | undefined) => Promise<Snapshot>,
): Promise<{ readonly snapshot: Snapshot; readonly replication: ReplicationRecord | null }> {
  if (sources.length === 0) return { snapshot: await open(undefined), replication: null };
  const looks: Coordinates[] = [];
  const held = async () =>
    await open(async (ask) => {
      looks.length = 0; // of a barrier that did not serve
      looks.push(await readCoordinates(connection, ask));
      await sleep(APART_MS);
      looks.push(await readCoordinates(connection, ask));
    });
  const recordOf = (first: Coordinates, last: Coordinates, applier: ReplicationRecord['applier']) => {
    const record = replicationRecord(sources, [first, last], applier);
    tell(record, host, emit);
    return record;
  };
  if (host.database.replica?.stop !== 'sql-thread') {
    const snapshot = await held();
    const [first, last] = snapshot.record.barrier === 'single-dump' ? [] : looks;
    if (first && last) return { snapshot, replication: recordOf(first, last, 'held') };
    const only = await askCoordinates(connection);
    return { snapshot, replication: recordOf(only, only, 'running') };
  }
  const stopped = { by: `the run ${run}`, names: sources.map(({ name }) => name) };
  const whole = async () => {
    const first = await askCoordinates(connection);
    const snapshot = await open(undefined);
    return { snapshot, replication: recordOf(first, await askCoordinates(connection), 'stopped') };
  };
  return await whileStopped(connection, host.state.path, stopped, whole, (error) => {
    const { message, hint = 'run: START ALL SLAVES;' } = asCoffreError(error);
    emit({ kind: 'warning', subject: host.name, text: `replication stands still: ${message}`, hint });
  });
}

/** Starts again what a killed run has left stopped. Throws `replica-broken` when that cannot be done. */
export async function startKilledReplication({ name, database, state }: HostConfig, emit: Emit): Promise<void> {
  const stopped = await startStopped(connectionOf(database), state.path);
  if (!stopped) return;
  emit({
    kind: 'warning',
    subject: name,
    text: `${stopped.by} had left the SQL thread stopped, as one does that is killed: it runs again`,
    hint: 'where nobody knows why, look at what ended that run: journalctl --since yesterday; dmesg | tail',
  });
}

function tell(
  { sources, applier, consistent, ownWrites, gtid }: ReplicationRecord,
  host: HostConfig,
  emit: Emit,
): void {
  const warn = (text: string, hint: string) => emit({ kind: 'warning', subject: host.name, text, hint });
  const of =
    sources.length === 1
      ? 'its primary'
      : `${sources.length} primaries (${sources.map(({ name }) => JSON.stringify(name ?? '?')).join(', ')})`;
  const lag = Math.max(...sources.map(({ lagSeconds }) => lagSeconds));
  const place = gtid === null ? '' : `, at ${gtid}`;
  const text = `taken from a replica of ${of}, ${lag} s behind${place}, its appliers ${applier}`;
  emit({ kind: 'note', subject: host.name, text });
  if (ownWrites)
    warn(
      'the replica has transactions of its own, which its primary does not have',
      'look at: SELECT @@gtid_binlog_pos, @@gtid_slave_pos',
    );
  if (!consistent)
    warn(
      'no replica can be seeded from this run: where in its history the snapshot is, is not certain',
      'let it stop what applies, for some seconds: database.replica: { stop: sql-thread }',
    );
}
