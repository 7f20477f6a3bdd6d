import * as z from 'zod';
import { asCoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { type Ask, query, queryLines } from './client.ts';
import type { Connection } from './connection.ts';
import { assertDumpable } from './obstacles.ts';
import { isNamed } from './own-objects.ts';
import { lackingOf } from './privileges.ts';
import { countObjects } from './read-objects.ts';
import { quoteIdentifier } from './sql-text.ts';

/** Whether a database that is there can be moved out of the way, and how large it is. */
export interface Movable {
  readonly database: DatabaseName;
  /** Why it cannot; none where it can. */
  readonly obstacles: readonly string[];
  /** Databases whose tables refer to its tables: it cannot go unless they go with it. `why` is a sentence for each. */
  readonly ties: readonly { readonly database: string; readonly why: string }[];
  /** Whether it has routines or triggers, which a server may not take back from everybody. */
  readonly hasCode: boolean;
  /** The server's estimate, with indexes. */
  readonly dataBytes: number;
}

/** Engines whose tables are all in their own files, so that another database can have them. */
const ENGINES = ['InnoDB', 'MyISAM', 'Aria', 'MEMORY', 'CSV', 'ARCHIVE'];

/** To move tables, and to make anew what cannot be moved: on everything, because the database is made only then. */
const NEEDED = [
  ...['SELECT', 'INSERT', 'UPDATE', 'CREATE', 'DROP', 'ALTER', 'TRIGGER', 'EVENT', 'SHOW VIEW'],
  ...['CREATE VIEW', 'CREATE ROUTINE', 'ALTER ROUTINE'],
];

const Table = z.object({ name: z.string(), engine: z.string().nullable() });
const Reference = z.object({ database: z.string(), table: z.string(), to: z.string() });
const Size = z.object({ dataBytes: z.coerce.number() });

/** Looks at databases that somebody means to overwrite. */
export async function inspectMovable(
  connection: Connection,
  databases: readonly DatabaseName[],
): Promise<readonly Movable[]> {
  if (databases.length === 0) return [];
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const missing = lackingOf(NEEDED, await queryLines(connection, 'SHOW GRANTS'));
  const lacking = missing.length === 0 ? [] : [`the account lacks ${missing.join(', ')} on *.*`];
  const counts = await countObjects(ask, []);
  const movable: Movable[] = [];
  for (const database of databases) {
    const own = counts.get(database);
    const [size] = await ask(SIZE(database), Size);
    const obstacles = [
      ...lacking,
      ...(await ask(FIXED(database), Table)).map(fixed),
      // What cannot be dumped cannot be kept as text either.
      ...(own ? await assertDumpable(ask, new Map([[database, own]])).then(none, findings) : []),
    ];
    movable.push({
      database,
      obstacles,
      ties: (await ask(REFERENCES(database), Reference)).map((each) => ({
        database: each.database,
        why: referred(each),
      })),
      hasCode: (own?.routines ?? 0) + (own?.triggers ?? 0) > 0,
      dataBytes: size?.dataBytes ?? 0,
    });
  }
  return movable;
}

const SIZE = (database: DatabaseName) =>
  `SELECT JSON_OBJECT('dataBytes', COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0)) FROM information_schema.TABLES
   WHERE ${isNamed('TABLE_SCHEMA', database)} AND TABLE_TYPE <> 'VIEW'`;

const FIXED = (database: DatabaseName) =>
  `SELECT JSON_OBJECT('name', TABLE_NAME, 'engine', ENGINE) FROM information_schema.TABLES
   WHERE ${isNamed('TABLE_SCHEMA', database)} AND TABLE_TYPE <> 'VIEW'
     AND (ENGINE IS NULL OR ENGINE NOT IN (${ENGINES.map((engine) => `'${engine}'`).join(', ')}))
   ORDER BY TABLE_NAME`;

const REFERENCES = (database: DatabaseName) =>
  `SELECT JSON_OBJECT('database', CONSTRAINT_SCHEMA, 'table', TABLE_NAME, 'to', REFERENCED_TABLE_NAME)
   FROM information_schema.REFERENTIAL_CONSTRAINTS
   WHERE ${isNamed('UNIQUE_CONSTRAINT_SCHEMA', database)} AND NOT (${isNamed('CONSTRAINT_SCHEMA', database)})
   ORDER BY CONSTRAINT_SCHEMA, TABLE_NAME`;

function fixed({ name, engine }: z.infer<typeof Table>): string {
  const table = quoteIdentifier(name);
  return engine === null ? `its table ${table} cannot be opened` : `its table ${table} is of the engine ${engine}`;
}

function referred({ database, table, to }: z.infer<typeof Reference>): string {
  return `the table ${quoteIdentifier(database)}.${quoteIdentifier(table)} refers to its table ${quoteIdentifier(to)}`;
}

const none = (): readonly string[] => [];

function findings(error: unknown): readonly string[] {
  const failure = asCoffreError(error);
  if (failure.code !== 'dump-failed') throw failure;
  return failure.findings.length > 0 ? failure.findings : [failure.message];
}
