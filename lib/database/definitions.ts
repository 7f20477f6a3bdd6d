import * as z from 'zod';
import { DatabaseName } from '../model/names.ts';
import type { Ask } from './client.ts';
import { quoteIdentifier, quoteString } from './sql-text.ts';

const KINDS = ['database', 'table', 'tablespace', 'view', 'routine', 'trigger', 'event'] as const;
type Kind = (typeof KINDS)[number];

/** How one object is defined. Two definitions are the same when their digests are. */
interface Definition {
  readonly database: DatabaseName;
  readonly kind: Kind;
  readonly name: string;
  readonly digest: string;
}

/** How everything in a server is defined, by database, kind and name. */
export type Definitions = ReadonlyMap<string, Definition>;

const exactly = (column: string) => `${column} COLLATE utf8mb3_bin`;

/** Columns of information_schema that make a definition, the first three of them its database, kind and name. */
const SOURCES: readonly {
  readonly view: string;
  readonly database: string;
  readonly kind: Kind;
  readonly name: string;
  readonly made: string;
  readonly where?: string;
}[] = [
  {
    ...{ view: 'SCHEMATA', database: 'SCHEMA_NAME', kind: 'database', name: 'SCHEMA_NAME' },
    made: 'DEFAULT_COLLATION_NAME',
  },
  {
    // A table's time is that of its definition's file: nearly whatever ALTER or RENAME does, the name has a newer one then.
    ...{ view: 'TABLES', database: 'TABLE_SCHEMA', kind: 'table', name: 'TABLE_NAME' },
    made: 'TABLE_TYPE, ENGINE, CREATE_TIME, TABLE_COLLATION, CREATE_OPTIONS, TABLE_COMMENT',
    where: "TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
  },
  {
    ...{ view: 'VIEWS', database: 'TABLE_SCHEMA', kind: 'view', name: 'TABLE_NAME' },
    made: 'VIEW_DEFINITION, CHECK_OPTION, DEFINER, SECURITY_TYPE, ALGORITHM',
  },
  {
    ...{
      view: 'ROUTINES',
      database: 'ROUTINE_SCHEMA',
      kind: 'routine',
      name: "CONCAT(ROUTINE_NAME, '/', ROUTINE_TYPE)",
    },
    made: 'DTD_IDENTIFIER, ROUTINE_DEFINITION, LAST_ALTERED, SQL_MODE, DEFINER, SECURITY_TYPE',
  },
  {
    ...{ view: 'TRIGGERS', database: 'TRIGGER_SCHEMA', kind: 'trigger', name: 'TRIGGER_NAME' },
    made: 'EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, ACTION_ORDER, ACTION_STATEMENT, CREATED, SQL_MODE, DEFINER',
  },
  {
    // Without the times that an event's own runs change.
    ...{ view: 'EVENTS', database: 'EVENT_SCHEMA', kind: 'event', name: 'EVENT_NAME' },
    made: 'EVENT_DEFINITION, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, STARTS, ENDS, STATUS, ON_COMPLETION, SQL_MODE, DEFINER',
  },
];

/** Part of a name as InnoDB has it, which is that of a file. */
const decoded = (part: string) => exactly(`CONVERT(CONVERT(CAST(${part} AS BINARY) USING filename) USING utf8mb3)`);

/**
 * InnoDB's own numbers of a table, or of its partitions. They change with whatever gives a name other rows: with what
 * rebuilds or empties a table, and with what leaves its definition alone, which is to exchange a partition, or to import a
 * tablespace. Neither stops a dump: the other rows are old enough for any snapshot.
 */
const TABLESPACES = {
  database: decoded("SUBSTRING_INDEX(NAME, '/', 1)"),
  // Partitions have their names behind a #, which stands for itself in no other place.
  name: decoded("SUBSTRING_INDEX(SUBSTRING_INDEX(NAME, '/', -1), '#', 1)"),
  digest: "BIT_XOR(CAST(CONV(LEFT(MD5(CONCAT_WS('/', NAME, TABLE_ID, SPACE)), 16), 16, 10) AS UNSIGNED))",
};

const Row = z.object({ database: DatabaseName, kind: z.enum(KINDS), name: z.string(), digest: z.string() });

/**
 * How everything is defined now, or what is in the database `only`. Opens every table: some tenth of a millisecond for
 * each. Sequences are left out: nothing but their next number ever matters, and that belongs to no transaction.
 */
export async function readDefinitions(ask: Ask, only?: DatabaseName): Promise<Definitions> {
  const parts = SOURCES.map(({ view, database, kind, name, made, where }) => {
    // Alone so, with a value for the database, the server does not look at all of them.
    const one = only === undefined ? [] : [`${database} = ${quoteString(only)}`];
    const conditions = [...one, ...(where === undefined ? [] : [where])].join(' AND ');
    const columns = `${exactly(database)} AS db, '${kind}' AS kind, ${exactly(name)} AS name, MD5(JSON_ARRAY(${made})) AS digest`;
    return `SELECT ${columns} FROM information_schema.${view}${conditions === '' ? '' : ` WHERE ${conditions}`}`;
  });
  const { database, name, digest } = TABLESPACES;
  parts.push(
    `SELECT ${database} AS db, 'tablespace' AS kind, ${name} AS name, HEX(${digest}) AS digest FROM information_schema.INNODB_SYS_TABLES
     WHERE NAME LIKE '%/%'${only === undefined ? '' : ` AND ${database} = ${quoteString(only)}`} GROUP BY db, name`,
  );
  const sql = `SELECT JSON_OBJECT('database', db, 'kind', kind, 'name', name, 'digest', digest) FROM (${parts.join('\nUNION ALL ')}) AS defined`;
  const found = new Map((await ask(sql, Row)).map((each) => [keyOf(each), each]));
  // Neither sequences, nor what the server keeps for itself beside a table.
  for (const [key, each] of found) {
    if (each.kind === 'tablespace' && !found.has(keyOf({ ...each, kind: 'table' }))) found.delete(key);
  }
  return found;
}

function keyOf({ database, kind, name }: Pick<Definition, 'database' | 'kind' | 'name'>): string {
  return JSON.stringify([database, kind, name]);
}

/**
 * A sentence for each object of `databases` that is another than before, or is not there any more. What is new is no
 * change but for views: a dump does not look for it any more, or has more objects than it should.
 */
export function changedDefinitions(
  before: Definitions,
  now: Definitions,
  databases: readonly DatabaseName[],
): readonly string[] {
  const asked = new Set(databases);
  const changed = [...before].flatMap(([key, was]) => {
    if (!asked.has(was.database)) return [];
    const is = now.get(key);
    if (!is) return [`${describe(was)} was dropped or renamed`];
    return is.digest === was.digest ? [] : [`${describe(was)} was changed`];
  });
  const made = [...now].flatMap(([key, is]) =>
    is.kind === 'view' && asked.has(is.database) && !before.has(key) ? [`${describe(is)} was made`] : [],
  );
  return [...new Set([...changed, ...made])];
}

/** A sentence for each object of `databases` that was not there before. */
export function madeDefinitions(
  before: Definitions,
  now: Definitions,
  databases: readonly DatabaseName[],
): readonly string[] {
  const asked = new Set(databases);
  const made = [...now].filter(([key, is]) => asked.has(is.database) && !before.has(key));
  return [...new Set(made.map(([, is]) => `${describe(is)} was made`))];
}

function describe({ database, kind, name }: Definition): string {
  if (kind === 'database') return `the database ${quoteIdentifier(database)}`;
  const own = kind === 'routine' ? name.replace(/\/[A-Z ]+$/, '') : name;
  return `the ${kind === 'tablespace' ? 'table' : kind} ${quoteIdentifier(database)}.${quoteIdentifier(own)}`;
}
