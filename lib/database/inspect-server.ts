import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import type { OrphanView } from './broken-views.ts';
import { type ChangingColumn, readChangingColumns } from './changing-charsets.ts';
import { type Ask, CUTS_ROWS, query } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import { type ConnectionFacts, connectionBudget } from './connection-budget.ts';
import { isTrustMark } from './creator-trust.ts';
import { readDatabaseNames } from './database-names.ts';
import { readViewReferences, type ViewReference } from './load-order.ts';
import { assertDumpable, isEmptyForeignFolder } from './obstacles.ts';
import { assertPrivileges, type PrivilegeWish } from './privileges.ts';
import { countObjects } from './read-objects.ts';
import { NO_STORAGE, readStorage, type Storage } from './read-storage.ts';

export interface DatabaseFacts extends Storage {
  readonly name: DatabaseName;
  readonly counts: ObjectCounts;
}

/** What a backup has to know of a server before it starts. */
export interface ServerFacts {
  /** As the server tells it: `10.11.19-MariaDB-0+deb12u1`. */
  readonly version: string;
  readonly binlog: boolean;
  readonly connections: ConnectionFacts;
  /** Databases that are not dumped, by the inventory, as the server spells them. */
  readonly exclude: readonly string[];
  /** What the inventory leaves out and the server does not have. */
  readonly unknownExcludes: readonly string[];
  readonly databases: readonly DatabaseFacts[];
  /** What has to be loaded before what. */
  readonly viewReferences: readonly ViewReference[];
  /** Text that a dump changes. */
  readonly changingColumns: readonly ChangingColumn[];
  /** Dumped as they are, and of no use to anybody. */
  readonly orphanViews: readonly OrphanView[];
}

/** What the inventory says about the database. */
export interface InspectOptions extends PrivilegeWish {
  /** Databases that are left out. */
  readonly exclude: readonly string[];
}

const Settings = z.object({
  version: z.string(),
  binlog: z.int().transform((on) => on === 1),
  maxConnections: z.int(),
  usedConnections: z.coerce.number().int(),
  accountLimit: z.int(),
  accountConnections: z.int(),
  foldsNames: z.int().transform((folds) => folds === 1),
  cutsRows: z.int().transform((cuts) => cuts === 1),
});

const SETTINGS = `SELECT JSON_OBJECT('version', VERSION(), 'binlog', IF(@@log_bin, 1, 0), 'maxConnections', @@max_connections,
  'usedConnections', (SELECT VARIABLE_VALUE - 1 FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'THREADS_CONNECTED'),
  'accountLimit', @@SESSION.max_user_connections,
  'accountConnections', (SELECT COUNT(*) - 1 FROM information_schema.PROCESSLIST WHERE USER = SUBSTRING_INDEX(USER(), '@', 1)),
  'foldsNames', IF(@@lower_case_table_names = 0, 0, 1),
  'cutsRows', ${CUTS_ROWS})`;

/** The version of a server, as it tells it. Throws `database-unreachable`. */
export async function readServerVersion(connection: Connection): Promise<string> {
  const [row] = await query(connection, "SELECT JSON_OBJECT('version', VERSION())", z.object({ version: z.string() }));
  if (row) return row.version;
  throw new CoffreError('dump-failed', `cannot inspect ${describeServer(connection)}: no answer`);
}

/**
 * Looks at a server and refuses what cannot become a complete backup, before anything is locked or written.
 * Throws `database-unreachable`, `account-lacks-privilege`, or `dump-failed` for what a dump would stumble over.
 */
export async function inspectServer(
  connection: Connection,
  { exclude: unwanted, ...wish }: InspectOptions,
): Promise<ServerFacts> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const [settings] = await ask(SETTINGS, Settings);
  if (!settings) throw new CoffreError('dump-failed', `cannot inspect ${describeServer(connection)}: no answer`);
  await assertPrivileges(connection, wish);
  if (settings.cutsRows) throw cutRows();
  const fold = (name: string) => (settings.foldsNames ? name.toLowerCase() : name);
  const left = new Set(unwanted.map(fold));
  const exclude = (await readDatabaseNames(connection)).filter((name) => left.has(fold(name)) || isTrustMark(name));
  const counts = await countObjects(ask, exclude);
  for (const [name, found] of counts) if (isEmptyForeignFolder(name, found)) counts.delete(name);
  const orphanViews = await assertDumpable(ask, counts);
  const storage = await readStorage(ask);
  const databases = [...counts].map(([name, found]) => ({
    name,
    counts: found,
    ...(storage.get(name) ?? NO_STORAGE),
  }));
  const { version, binlog, cutsRows: _, foldsNames: __, ...connections } = settings;
  connectionBudget(connections, sessionsOf(wish.nonTransactional));
  return {
    version,
    binlog,
    connections,
    exclude,
    unknownExcludes: unwanted.filter((name) => !exclude.some((found) => fold(found) === fold(name))),
    databases,
    viewReferences: await readViewReferences(ask),
    changingColumns: await readChangingColumns(ask, counts),
    orphanViews,
  };
}

function cutRows(): CoffreError {
  return new CoffreError(
    'dump-failed',
    'cannot dump everything: the server gives each session only so many rows of a query (sql_select_limit)',
    {
      hint: 'run as an administrator: SET GLOBAL sql_select_limit = 18446744073709551615; look at its option files and at init_connect, too',
    },
  );
}

/** Connections that hold locks during a backup: the barrier's, and one for tables where they are locked. */
export function sessionsOf(nonTransactional: 'list' | 'lock' | undefined): number {
  return nonTransactional === 'lock' ? 2 : 1;
}
