import * as z from 'zod';
import { DatabaseName } from '../model/names.ts';
import type { Ask } from './client.ts';
import type { MovableTable } from './plan-dumps.ts';
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
  /** The largest tables, whose rows can be dumped beside the database. */
  readonly tables: readonly MovableTable[];
}

export const NO_STORAGE: Storage = { dataBytes: 0, nonTransactional: [], tables: [] };

/** Of databases and tables below this there is nothing to be known: one program dumps them, or others make up for it. */
const LARGE_DATABASE_BYTES = 64 * 1024 * 1024;
const LARGE_TABLE_BYTES = 1024 * 1024;
/** Each is an argument of two programs. The rest of a database with more of them is dumped by its own program. */
const LARGE_TABLES = 500;
/** Tables below this are never split. */
const SPLIT_BYTES = 64 * 1024 * 1024;

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
WHERE TABLE_TYPE = 'BASE TABLE' AND ENGINE = 'InnoDB' AND DATA_LENGTH >= ${LARGE_TABLE_BYTES}
ORDER BY DATA_LENGTH DESC LIMIT ${LARGE_TABLES}`;

const NAMES = (databases: readonly string[]) => `
SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'name', TABLE_NAME)
FROM information_schema.TABLES WHERE TABLE_SCHEMA IN (${databases.map(quoteString).join(', ')})`;

const SizeRow = z.object({ database: DatabaseName, dataBytes: z.int() });
const EngineRow = z.object({ database: DatabaseName, table: z.string(), engine: z.string() });
const LargeRow = z.object({ database: DatabaseName, table: z.string(), dataBytes: z.int() });
const KeyRow = z.object({ key: z.string() });
const NameRow = z.object({ database: DatabaseName, name: z.string() });

/** How each database that has tables stores them. Opens every table: not to be asked under a lock. */
export async function readStorage(ask: Ask): Promise<Map<DatabaseName, Storage>> {
  const nonTransactional = await ask(NON_TRANSACTIONAL, EngineRow);
  const sizes = await ask(SIZES, SizeRow);
  const large = sizes.filter(({ dataBytes }) => dataBytes >= LARGE_DATABASE_BYTES).map(({ database }) => database);
  const tables = large.length === 0 ? [] : await readMovable(ask, large);
  return new Map(
    sizes.map(({ database, dataBytes }) => [
      database,
      {
        dataBytes,
        nonTransactional: of(database, nonTransactional).map(({ table, engine }) => ({ table, engine })),
        tables: of(database, tables),
      },
    ]),
  );
}

function of<Row extends { readonly database: DatabaseName }>(database: DatabaseName, rows: readonly Row[]): Row[] {
  return rows.filter((row) => row.database === database);
}

type Movable = MovableTable & { readonly database: DatabaseName };

/** Tables with history are left out: the dump program reads them in its own way. */
async function readMovable(ask: Ask, databases: readonly DatabaseName[]): Promise<readonly Movable[]> {
  const names = await ask(NAMES(databases), NameRow);
  const unique = new Map(databases.map((database) => [database, withoutDoubles(of(database, names))]));
  const found: Movable[] = [];
  for (const { database, table, dataBytes } of await ask(LARGE, LargeRow)) {
    if (!unique.get(database)?.has(table)) continue;
    const [row] = dataBytes < SPLIT_BYTES ? [] : await ask(keyOf(database, table), KeyRow);
    found.push({ database, table, key: row?.key ?? null, dataBytes });
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
 * The names that no other one could pass for. The dump program compares names that it is told to leave out without regard to
 * case and accents: where there is another table like this one, its rows would be lost.
 */
function withoutDoubles(rows: readonly { readonly name: string }[]): ReadonlySet<string> {
  const names = rows.map(({ name }) => name);
  const others = names.filter((name) => !ASCII.test(name));
  const folded = new Map<string, number>();
  for (const name of names) folded.set(name.toLowerCase(), (folded.get(name.toLowerCase()) ?? 0) + 1);
  const isAlone = (name: string) => {
    const rivals = ASCII.test(name) ? others : names;
    return folded.get(name.toLowerCase()) === 1 && !rivals.some((each) => each !== name && looksAlike(each, name));
  };
  return new Set(names.filter(isAlone));
}

const ASCII = /^[ -~]*$/;

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
