import { z } from 'zod';
import { DatabaseName } from '../model/names.ts';
import type { Ask } from './client.ts';
import type { SplittableTable } from './plan-dumps.ts';
import { quoteString } from './sql-text.ts';

/** A table whose engine has no transactions, so that its rows may be newer than the snapshot. */
export interface NonTransactionalTable {
  readonly table: string;
  readonly engine: string;
}

/** How a database stores its tables. */
export interface Storage {
  /** The server's estimate, without indexes. */
  readonly dataBytes: number;
  readonly nonTransactional: readonly NonTransactionalTable[];
  /** Large tables whose rows can be read in ranges. */
  readonly splittable: readonly SplittableTable[];
}

export const NO_STORAGE: Storage = { dataBytes: 0, nonTransactional: [], splittable: [] };

/** Tables below this are never split, and there is nothing to be known of them. */
const LARGE_BYTES = 64 * 1024 * 1024;
/** More than there can be lanes. */
const LARGE_TABLES = 64;

// Names are compared byte by byte: the server's own comparison would make one of `Shop` and `shop`.
const exactly = (column: string) => `${column} COLLATE utf8mb3_bin`;

const SIZES = `
SELECT JSON_OBJECT('database', ${exactly('TABLE_SCHEMA')}, 'dataBytes', COALESCE(SUM(DATA_LENGTH), 0))
FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
GROUP BY ${exactly('TABLE_SCHEMA')}`;

const NON_TRANSACTIONAL = `
SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'table', TABLE_NAME, 'engine', COALESCE(ENGINE, 'unknown'))
FROM information_schema.TABLES LEFT JOIN information_schema.ENGINES USING (ENGINE)
WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND (TRANSACTIONS IS NULL OR TRANSACTIONS <> 'YES')
ORDER BY TABLE_SCHEMA, TABLE_NAME`;

const LARGE = `
SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'table', TABLE_NAME, 'dataBytes', DATA_LENGTH)
FROM information_schema.TABLES
WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE = 'InnoDB' AND DATA_LENGTH >= ${LARGE_BYTES}
ORDER BY DATA_LENGTH DESC LIMIT ${LARGE_TABLES}`;

const SizeRow = z.object({ database: DatabaseName, dataBytes: z.int() });
const EngineRow = z.object({ database: DatabaseName, table: z.string(), engine: z.string() });
const LargeRow = z.object({ database: DatabaseName, table: z.string(), dataBytes: z.int() });
const KeyRow = z.object({ key: z.string() });
const NameRow = z.object({ name: z.string() });

/** How each database that has tables stores them. Opens every table: not to be asked under a lock. */
export async function readStorage(ask: Ask): Promise<Map<DatabaseName, Storage>> {
  const nonTransactional = await ask(NON_TRANSACTIONAL, EngineRow);
  const splittable = await readSplittable(ask);
  const sizes = await ask(SIZES, SizeRow);
  return new Map(
    sizes.map(({ database, dataBytes }) => [
      database,
      {
        dataBytes,
        nonTransactional: of(database, nonTransactional).map(({ table, engine }) => ({ table, engine })),
        splittable: of(database, splittable),
      },
    ]),
  );
}

function of<Row extends { readonly database: DatabaseName }>(database: DatabaseName, rows: readonly Row[]): Row[] {
  return rows.filter((row) => row.database === database);
}

type Splittable = SplittableTable & { readonly database: DatabaseName };

/** Tables with history are left out: the dump program reads them in its own way. */
async function readSplittable(ask: Ask): Promise<readonly Splittable[]> {
  const found: Splittable[] = [];
  for (const { database, table, dataBytes } of await ask(LARGE, LargeRow)) {
    const [row] = await ask(keyOf(database, table), KeyRow);
    if (row && !(await hasDouble(ask, database, table))) found.push({ database, table, key: row.key, dataBytes });
  }
  return found;
}

/** The first column of the primary key where that is an integer. */
function keyOf(database: DatabaseName, table: string): string {
  const here = (alias: string) =>
    `${exactly(`${alias}.TABLE_SCHEMA`)} = ${quoteString(database)} AND ${exactly(`${alias}.TABLE_NAME`)} = ${quoteString(table)}
     AND ${alias}.TABLE_SCHEMA = ${quoteString(database)} AND ${alias}.TABLE_NAME = ${quoteString(table)}`;
  return `SELECT JSON_OBJECT('key', c.COLUMN_NAME)
    FROM information_schema.STATISTICS s JOIN information_schema.COLUMNS c ON c.COLUMN_NAME = s.COLUMN_NAME
    WHERE ${here('s')} AND ${here('c')} AND s.INDEX_NAME = 'PRIMARY' AND s.SEQ_IN_INDEX = 1
      AND c.DATA_TYPE IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint')`;
}

/**
 * The dump program compares names that it is told to leave out without regard to case and accents: where another
 * table could pass for this one, its rows would be lost.
 */
async function hasDouble(ask: Ask, database: DatabaseName, table: string): Promise<boolean> {
  const names = await ask(
    `SELECT JSON_OBJECT('name', TABLE_NAME) FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ${quoteString(database)} AND ${exactly('TABLE_SCHEMA')} = ${quoteString(database)}`,
    NameRow,
  );
  return names.some(({ name }) => name !== table && looksAlike(name, table));
}

/** Whether two names may be the same in a collation that folds characters one by one. Rather once too often. */
export function looksAlike(one: string, other: string): boolean {
  const [a, b] = [[...one], [...other]];
  if (a.length !== b.length) return false;
  const isAscii = (letter: string) => letter <= '\x7f';
  return a.every((letter, at) => {
    const opposite = b[at] ?? '';
    return !isAscii(letter) || !isAscii(opposite) || letter.toLowerCase() === opposite.toLowerCase();
  });
}
