import { z } from 'zod';
import type { DatabaseName } from '../model/names.ts';
import { query, queryRecords } from './client.ts';
import type { Connection } from './connection.ts';
import type { DumpPlan, PlannedTable } from './plan-dumps.ts';
import { quoteIdentifier } from './sql-text.ts';

/** Rows that the server expects from `from` up to the next bucket's `from`. */
export interface Bucket {
  readonly from: bigint;
  readonly rows: number;
}

/** A table whose rows are dumped by programs of their own, one for each condition; null is all rows. */
export interface LanedRows {
  readonly database: DatabaseName;
  readonly table: string;
  readonly conditions: readonly (string | null)[];
}

export type Lanes = ReadonlyMap<DatabaseName, readonly LanedRows[]>;

/** Ranges that the server is asked about at a time. Each costs it two dives into the index. */
const BUCKETS = 64;

const Ends = z.object({ min: z.string().nullable(), max: z.string().nullable() });

/** The conditions of all lanes of a plan. */
export async function readLanes(connection: Connection, { groups }: DumpPlan): Promise<Lanes> {
  const all = new Map<DatabaseName, LanedRows[]>();
  for (const { databases, lanes } of groups) {
    for (const database of lanes.length === 0 ? [] : databases) {
      const laned: LanedRows[] = [];
      for (const planned of lanes) {
        const conditions = await readLaneConditions(connection, database, planned);
        laned.push({ database, table: planned.table, conditions });
      }
      all.set(database, laned);
    }
  }
  return all;
}

/**
 * The conditions that divide a table among its lanes. Where the boundaries are is a matter of balance only: whatever
 * they are, each row meets exactly one of the conditions. A single condition is null: all rows.
 */
export async function readLaneConditions(
  connection: Connection,
  database: DatabaseName,
  { table, key, parts }: PlannedTable,
): Promise<readonly (string | null)[]> {
  if (parts === 1) return [null];
  const name = `${quoteIdentifier(database)}.${quoteIdentifier(table)}`;
  const column = quoteIdentifier(key);
  const ends = `SELECT JSON_OBJECT('min', CAST(MIN(${column}) AS CHAR), 'max', CAST(MAX(${column}) AS CHAR)) FROM ${name}`;
  const [range] = await query(connection, ends, Ends);
  if (!range || range.min === null || range.max === null) return [null];
  let buckets = evenly(BigInt(range.min), BigInt(range.max) + 1n, BUCKETS).map((from) => ({ from, rows: 0 }));
  // Twice: keys that lie close together in one place of a wide range are told apart by the second look.
  for (const round of [1, 2]) {
    const froms = round === 1 ? buckets.map(({ from }) => from) : refined(buckets, BigInt(range.max) + 1n);
    buckets = await estimate(connection, name, column, froms);
  }
  return laneConditions(column, chooseBoundaries(buckets, parts));
}

/** `boundaries` in ascending order; `column` is SQL. */
export function laneConditions(column: string, boundaries: readonly bigint[]): readonly (string | null)[] {
  const [first, ...others] = boundaries;
  if (first === undefined) return [null];
  const last = boundaries.at(-1) ?? first;
  return [
    `${column} < ${first}`,
    ...others.map((to, index) => `${column} >= ${boundaries[index]} AND ${column} < ${to}`),
    `${column} >= ${last}`,
  ];
}

/** Where to cut so that each part has about as many rows: at most `parts - 1` places, ascending, none twice. */
export function chooseBoundaries(buckets: readonly Bucket[], parts: number): readonly bigint[] {
  const total = buckets.reduce((sum, { rows }) => sum + rows, 0);
  const boundaries: bigint[] = [];
  let passed = 0;
  for (const [index, { from, rows }] of buckets.entries()) {
    const due = (total * (boundaries.length + 1)) / parts;
    if (index > 0 && boundaries.length < parts - 1 && passed + rows / 2 >= due) boundaries.push(from);
    passed += rows;
  }
  return boundaries;
}

/** The buckets that hold most rows, each in as many pieces as it has times the average. */
function refined(buckets: readonly Bucket[], end: bigint): readonly bigint[] {
  const total = buckets.reduce((sum, { rows }) => sum + rows, 0);
  return buckets.flatMap(({ from, rows }, index) => {
    const pieces = total === 0 ? 1 : Math.max(1, Math.round((rows / total) * BUCKETS));
    return evenly(from, buckets[index + 1]?.from ?? end, pieces);
  });
}

/** Up to `count` starts of pieces between `from` and `to`, which are of the same width. */
function evenly(from: bigint, to: bigint, count: number): bigint[] {
  const width = to - from;
  const pieces = width < BigInt(count) ? Number(width) : count;
  return Array.from(
    { length: Math.max(1, pieces) },
    (_, index) => from + (width * BigInt(index)) / BigInt(pieces || 1),
  );
}

/** A range in which there can be nothing gives a row without a number. */
async function estimate(
  connection: Connection,
  name: string,
  column: string,
  froms: readonly bigint[],
): Promise<Bucket[]> {
  const statements = froms.map((from, index) => {
    const to = froms[index + 1];
    const upper = to === undefined ? '' : ` AND ${column} < ${to}`;
    return `EXPLAIN SELECT ${column} FROM ${name} FORCE INDEX (PRIMARY) WHERE ${column} >= ${from}${upper}`;
  });
  const records = await queryRecords(connection, statements.join(';\n'));
  // Each answer comes with the names of its columns once more.
  const rows = [...records].filter((record) => record.get('rows') !== 'rows');
  return froms.map((from, index) => ({ from, rows: Number(rows[index]?.get('rows')) || 0 }));
}
