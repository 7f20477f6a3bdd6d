import { z } from 'zod';
import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import { type ChangingColumn, readChangingColumns } from './changing-charsets.ts';
import { type Ask, query } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import { readViewReferences, type ViewReference } from './load-order.ts';
import { assertDumpable, isEmptyForeignFolder } from './obstacles.ts';
import { assertPrivileges, type PrivilegeWish } from './privileges.ts';
import { countObjects, readStorage, type Storage } from './read-objects.ts';

export interface DatabaseFacts extends Storage {
  readonly name: DatabaseName;
  readonly counts: ObjectCounts;
}

/** What a backup has to know of a server before it starts. */
export interface ServerFacts {
  /** As the server tells it: `10.11.19-MariaDB-0+deb12u1`. */
  readonly version: string;
  readonly binlog: boolean;
  readonly maxConnections: number;
  readonly usedConnections: number;
  /** Databases that are not dumped, by the inventory. */
  readonly exclude: readonly string[];
  readonly databases: readonly DatabaseFacts[];
  /** What has to be loaded before what. */
  readonly viewReferences: readonly ViewReference[];
  /** Text that a dump changes. */
  readonly changingColumns: readonly ChangingColumn[];
}

const Settings = z.object({
  version: z.string(),
  binlog: z.int().transform((on) => on === 1),
  maxConnections: z.int(),
  usedConnections: z.coerce.number().int(),
});

const SETTINGS = `SELECT JSON_OBJECT('version', VERSION(), 'binlog', IF(@@log_bin, 1, 0), 'maxConnections', @@max_connections,
  'usedConnections', (SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'THREADS_CONNECTED'))`;

/** The version of a server, as it tells it. Throws `database-unreachable`. */
export async function readServerVersion(connection: Connection): Promise<string> {
  const [row] = await query(connection, "SELECT JSON_OBJECT('version', VERSION())", z.object({ version: z.string() }));
  if (row) return row.version;
  throw new CoffreError('dump-failed', `cannot inspect ${describeServer(connection)}: no answer`);
}

/** Connections left to others, and to the session that holds the lock. */
const SPARE_CONNECTIONS = 3;

/**
 * Looks at a server and refuses what cannot become a complete backup, before anything is locked or written.
 * Throws `database-unreachable`, `account-lacks-privilege`, or `dump-failed` for what a dump would stumble over.
 */
export async function inspectServer(
  connection: Connection,
  { exclude, ...wish }: { readonly exclude: readonly string[] } & PrivilegeWish,
): Promise<ServerFacts> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const [settings] = await ask(SETTINGS, Settings);
  if (!settings) throw new CoffreError('dump-failed', `cannot inspect ${describeServer(connection)}: no answer`);
  await assertPrivileges(connection, wish);
  const counts = await countObjects(ask, exclude);
  for (const [name, found] of counts) if (isEmptyForeignFolder(name, found)) counts.delete(name);
  await assertDumpable(ask, counts);
  const storage = await readStorage(ask);
  const databases = [...counts].map(([name, found]) => ({
    name,
    counts: found,
    ...(storage.get(name) ?? { notPointInTimeTables: 0, dataBytes: 0 }),
  }));
  const server = {
    ...settings,
    exclude,
    databases,
    viewReferences: await readViewReferences(ask),
    changingColumns: await readChangingColumns(ask, counts),
  };
  assertConnectionsSuffice(server);
  return server;
}

/** All dumps are connected at the same moment, one for each database and one for the accounts. */
function assertConnectionsSuffice({ maxConnections, usedConnections, databases }: ServerFacts): void {
  const needed = databases.length + 1 + SPARE_CONNECTIONS;
  if (needed <= maxConnections - usedConnections) return;
  throw new CoffreError(
    'dump-failed',
    `cannot take one snapshot of ${databases.length} databases: ${needed} connections are needed, and ` +
      `${maxConnections - usedConnections} of ${maxConnections} are free`,
    { hint: `run as an administrator: SET GLOBAL max_connections = ${needed + usedConnections};` },
  );
}
