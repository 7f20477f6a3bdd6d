import * as z from 'zod';
import type { LaneRows } from '../model/lanes.ts';
import type { DatabaseName } from '../model/names.ts';
import { query, queryRecords } from './client.ts';
import type { Connection } from './connection.ts';
import { type DumpPlan, lanesIn, type SplitTable } from './plan-dumps.ts';
import { quoteIdentifier } from './sql-text.ts';

/** Rows that the server expects from `from` up to the next bucket's `from`. */
export interface Bucket {
  readonly from: bigint;
  readonly rows: number;
}

/** What is dumped beside each database that has lanes: one list for each program. */
export type Lanes = ReadonlyMap<DatabaseName, readonly (readonly LaneRows[])[]>;

/** Ranges that the server is asked about at a time. Each costs it two dives into the index. */
const BUCKETS = 64;

const Ends = z.object({ min: z.string().nullable(), max: z.string().nullable() });

/** All lanes of a plan. */
export async function readLanes(connection: Connection, { groups }: DumpPlan): Promise<Lanes> {
  const all = new Map<DatabaseName, readonly (readonly LaneRows[])[]>();
  for (const group of groups.filter((each) => lanesIn(each) > 0)) {
    for (const database of group.databases) {
      const lanes: LaneRows[][] = [];
      for (const planned of group.split) {
        const conditions = await readLaneConditions(connection, database, planned);
        const parts = conditions.length;
        lanes.push(...conditions.map((where, index) => [{ table: planned.table, part: index + 1, parts, where }]));
      }
      const whole = group.batches.map((tables) => tables.map((table) => ({ table, part: 1, parts: 1, where: null })));
      all.set(database, [...lanes, ...whole]);
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
  { table, key, parts }: SplitTable,
): Promise<readonly (string | null)[]> {
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
