import * as z from 'zod';
import type { ReplicationRecord } from '../model/snapshot-record.ts';
import { type Ask, query } from './client.ts';
import type { Connection } from './connection.ts';
import { formatGtidSet, type Gtid, type GtidSet, parseGtidSet } from './gtid-set.ts';
import { type ReplicaSource, readReplicaSources } from './replica-sources.ts';
import { quoteIdentifier } from './sql-text.ts';

/**
 * One look at a replica's place in its primaries' history.
 *
 * `table` is the truth: the server writes it in the same transaction as what it applies, so that whoever sees the rows
 * sees this. `memory` (@@gtid_slave_pos) and the sources' file and position follow it, and with several appliers and
 * the log of slave updates on they have been seen some transactions behind it, for as long as commits are held back. A
 * replica that begins there would apply those again.
 */
export interface Coordinates {
  readonly table: GtidSet;
  /** Whether all tables of it have transactions. */
  readonly transactional: boolean;
  readonly memory: GtidSet;
  readonly ownServer: number;
  /** The server's own log; null where it is off, or does not have what is applied. */
  readonly ownLog: GtidSet | null;
  readonly sources: readonly ReplicaSource[];
}

const Table = z.object({ name: z.string(), engine: z.string() });
const Row = z.object({ domain: z.int(), server: z.int(), sequence: z.string(), order: z.string() });
const Settings = z.object({ memory: z.string(), ownServer: z.int(), ownLog: z.string().nullable() });

const TABLES = `SELECT JSON_OBJECT('name', TABLE_NAME, 'engine', IFNULL(ENGINE, '')) FROM information_schema.TABLES
  WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME LIKE 'gtid\\_slave\\_pos%'`;
const SETTINGS = `SELECT JSON_OBJECT('memory', @@GLOBAL.gtid_slave_pos, 'ownServer', @@GLOBAL.server_id,
  'ownLog', IF(@@GLOBAL.log_bin AND @@GLOBAL.log_slave_updates, @@GLOBAL.gtid_binlog_pos, NULL))`;
const TRANSACTIONAL = ['InnoDB', 'ROCKSDB', 'TokuDB'];

/** `ask` may be of the session that holds commits back; the sources are asked for on a connection of their own. */
export async function readCoordinates(connection: Connection, ask: Ask): Promise<Coordinates> {
  const tables = await ask(TABLES, Table);
  const last = new Map<number, Gtid & { readonly order: bigint }>();
  for (const { name } of tables) {
    const rows = await ask(
      `SELECT JSON_OBJECT('domain', domain_id, 'server', server_id, 'sequence', CAST(seq_no AS CHAR), 'order', CAST(sub_id AS CHAR))
       FROM mysql.${quoteIdentifier(name)}`,
      Row,
    );
    for (const row of rows) {
      const order = BigInt(row.order);
      if ((last.get(row.domain)?.order ?? -1n) < order)
        last.set(row.domain, { ...row, sequence: BigInt(row.sequence), order });
    }
  }
  const [settings] = await ask(SETTINGS, Settings);
  return {
    table: last,
    transactional: tables.every(({ engine }) => TRANSACTIONAL.includes(engine)),
    memory: parseGtidSet(settings?.memory ?? ''),
    ownServer: settings?.ownServer ?? 0,
    ownLog: settings?.ownLog == null ? null : parseGtidSet(settings.ownLog),
    sources: await readReplicaSources(connection),
  };
}

/** As `readCoordinates`, on connections of its own: while nothing is applied, or for want of better. */
export function askCoordinates(connection: Connection): Promise<Coordinates> {
  return readCoordinates(connection, (sql, row) => query(connection, sql, row));
}

/**
 * Compares two looks, the first from the moment since which nothing may have moved. What they do not agree on is not
 * recorded: a new replica that begins at a wrong place has wrong data, or stops. `healthy` are the sources as they were
 * before the run. Pure.
 */
export function replicationRecord(
  healthy: readonly ReplicaSource[],
  looks: readonly [Coordinates, Coordinates],
  applier: ReplicationRecord['applier'],
): ReplicationRecord {
  const [first, last] = looks;
  const { table, memory, ownLog, ownServer } = last;
  const stoodStill =
    applier !== 'running' &&
    formatGtidSet(first.table) === formatGtidSet(table) &&
    samePlaces(first.sources, last.sources);
  const own = compareOwnLog(table, ownLog, ownServer);
  const consistent = stoodStill && own !== 'disagrees' && (last.transactional || applier === 'stopped');
  const upToDate = formatGtidSet(memory) === formatGtidSet(table);
  return {
    sources: healthy.map(({ name, lagSeconds, delaySeconds, usesGtid, filtered }) => {
      const place = last.sources.find((each) => each.name === name);
      const certain = consistent && upToDate && place !== undefined && place.file !== '';
      return {
        name: /^[A-Za-z0-9_.-]{0,64}$/.test(name) ? name : null,
        lagSeconds: lagSeconds ?? 0,
        delaySeconds,
        usesGtid,
        filtered,
        binlog: certain ? { file: place.file, position: place.position } : null,
      };
    }),
    gtid: consistent && table.size > 0 ? formatGtidSet(table) : null,
    applier,
    consistent,
    ownWrites: own === 'has more',
  };
}

function samePlaces(before: readonly ReplicaSource[], after: readonly ReplicaSource[]): boolean {
  const text = (sources: readonly ReplicaSource[]) =>
    JSON.stringify(sources.map(({ name, file, position }) => [name, file, position]));
  return text(before) === text(after);
}

/**
 * A log that is behind says nothing: it may have been begun anew, or leave out what filters left out. Nor does a domain
 * of which nothing is applied: it may be from the server's former life.
 */
function compareOwnLog(table: GtidSet, log: GtidSet | null, ownServer: number): 'agrees' | 'has more' | 'disagrees' {
  let result: 'agrees' | 'has more' = 'agrees';
  for (const { domain, server, sequence } of log?.values() ?? []) {
    const applied = table.get(domain)?.sequence;
    if (server === ownServer && sequence > (applied ?? 0n)) result = 'has more';
    else if (applied !== undefined && sequence > applied) return 'disagrees';
  }
  return result;
}
