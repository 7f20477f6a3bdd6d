import type { Bytes } from '../../lib/model/stages.ts';
import { blobsOf, MIXED, NUMBERS, PROSE, type RowKind } from './rows.ts';
import { UsageError } from './usage-error.ts';

/*
 * Deterministic data for benchmarks: the same shape and size give the same tables on every machine. No secondary keys but
 * in `keyed`: a dump does not read them, and they take long to load.
 */

/**
 * `mixed`: three databases, each one table: prose, numbers, and blobs that no compressor makes smaller.
 * `many-small`: twenty databases with up to 4000 small tables of all kinds together.
 * `one-huge`: one database in which one table is nearly everything.
 * `keyed`: as `mixed`, for restores: with secondary keys, and one table of 1 % in a database of its own.
 */
export const SHAPES = ['mixed', 'many-small', 'one-huge', 'keyed'] as const;
export type Shape = (typeof SHAPES)[number];

/** The shape of that name. Throws `UsageError`. */
export function shapeNamed(name: string): Shape {
  const shape = SHAPES.find((shape) => shape === name);
  if (shape) return shape;
  throw new UsageError(`cannot make the shape ${name}: there are ${SHAPES.join(', ')}`);
}

interface Table {
  readonly database: string;
  readonly name: string;
  readonly kind: RowKind;
  readonly bytes: number;
  /** Of its CREATE TABLE. */
  readonly keys?: string;
}

const SMALL_DATABASES = 20;
const SMALL_TABLE_BYTES = 400_000;

/** The names of the databases of a shape, in the order in which they are made. */
export function databasesOf(shape: Shape): readonly string[] {
  return [...new Set(tablesOf(shape, 0).map(({ database }) => database))];
}

/** SQL that makes the databases with about `bytes` of dumped SQL together. */
export async function* benchmarkSql(shape: Shape, bytes: number, seed = 'coffre'): Bytes {
  for (const database of databasesOf(shape)) yield Buffer.from(`CREATE DATABASE ${database};\n`);
  yield Buffer.from('SET sql_log_bin=0, autocommit=0, unique_checks=0, foreign_key_checks=0;\n');
  for (const table of tablesOf(shape, bytes)) yield* tableSql(table, `${seed}/${table.database}/${table.name}`);
}

function tablesOf(shape: Shape, bytes: number): readonly Table[] {
  switch (shape) {
    case 'mixed':
      return [
        { database: 'bench_text', name: 'article', kind: PROSE, bytes: bytes * 0.45 },
        { database: 'bench_numbers', name: 'metric', kind: NUMBERS, bytes: bytes * 0.25 },
        { database: 'bench_blobs', name: 'file', kind: blobsOf(200_000), bytes: bytes * 0.3 },
      ];
    case 'keyed':
      return [
        { ...{ database: 'bench_text', name: 'article', kind: PROSE, bytes: bytes * 0.45 }, keys: 'KEY (title)' },
        {
          ...{ database: 'bench_numbers', name: 'metric', kind: NUMBERS, bytes: bytes * 0.25 },
          keys: 'KEY (host, at), KEY (cents)',
        },
        { database: 'bench_blobs', name: 'file', kind: blobsOf(200_000), bytes: bytes * 0.29 },
        { ...{ database: 'bench_one', name: 'item', kind: MIXED, bytes: bytes * 0.01 }, keys: 'KEY (customer)' },
      ];
    case 'many-small':
      return smallTables(bytes);
    case 'one-huge':
      return [
        { database: 'bench_huge', name: 'entry', kind: MIXED, bytes: bytes * 0.96 },
        ...Array.from({ length: 8 }, (_, at) => ({
          ...{ database: 'bench_huge', name: `side_${at}`, bytes: bytes * 0.005 },
          kind: at % 2 ? PROSE : NUMBERS,
        })),
      ];
  }
}

function smallTables(bytes: number): Table[] {
  const count = Math.min(4000, Math.max(SMALL_DATABASES * 2, Math.round(bytes / SMALL_TABLE_BYTES)));
  const kinds = [PROSE, NUMBERS, blobsOf(2000)];
  return Array.from({ length: count }, (_, at) => ({
    database: `bench_small_${String(at % SMALL_DATABASES).padStart(2, '0')}`,
    name: `part_${at}`,
    kind: kinds[at % kinds.length] ?? PROSE,
    bytes: bytes / count,
  }));
}

async function* tableSql({ database, name, kind, bytes, keys }: Table, seed: string): Bytes {
  const columns = keys === undefined ? kind.columns : `${kind.columns}, ${keys}`;
  yield Buffer.from(`USE ${database};\nCREATE TABLE ${name} (${columns});\n`);
  const row = kind.rowsFrom(seed);
  let dumped = 0;
  for (let id = 1; dumped < bytes; ) {
    const rows: string[] = [];
    let length = 0;
    while (length < 900_000 && dumped < bytes) {
      const { sql, dumpedBytes } = row(id++);
      rows.push(sql);
      length += sql.length;
      dumped += dumpedBytes;
    }
    yield Buffer.from(`INSERT INTO ${name} VALUES ${rows.join(',')};\nCOMMIT;\n`);
  }
}
