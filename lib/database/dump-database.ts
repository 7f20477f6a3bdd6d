import type { Lane, LaneRows } from '../model/lanes.ts';
import type { DatabaseName } from '../model/names.ts';
import { asStage, type DumpStream } from '../model/stages.ts';
import type { Connection } from './connection.ts';
import type { DumpSubject } from './dump-program.ts';
import { readDumpTools, startDump } from './start-dump.ts';

/**
 * One database as it is now, in the same form as in a backup: for comparing what was restored with what was sealed.
 * Without the rows of the tables `laned`. Throws what `DumpProcess` throws.
 */
export function dumpDatabase(
  connection: Connection,
  database: DatabaseName,
  laned: readonly string[] = [],
): Promise<DumpStream> {
  return dump(connection, { kind: 'databases', databases: [database], withoutRows: laned });
}

/**
 * Some tables, views and sequences of a database as they are now, with their triggers. Without the rows of the tables `laned`;
 * with any of these there may be more in the dump, of the `others` that the database has.
 */
export function dumpTables(
  connection: Connection,
  database: DatabaseName,
  tables: readonly string[],
  laned: readonly string[],
  others: readonly string[],
): Promise<DumpStream> {
  return dump(connection, { kind: 'tables', database, tables, withoutRows: laned, others });
}

/** The accounts as they are now, without the grants to PUBLIC. */
export function dumpAccounts(connection: Connection): Promise<DumpStream> {
  return dump(connection, { kind: 'accounts' });
}

/** Rows of tables as they are now, in the same form as in a backup. Throws what `DumpProcess` throws. */
export async function dumpLane(
  connection: Connection,
  database: DatabaseName,
  rows: readonly LaneRows[],
): Promise<Lane> {
  const [first] = rows;
  const tables = rows.map(({ table }) => table);
  return { rows, stream: await dump(connection, { kind: 'lane', database, tables, where: first?.where ?? null }) };
}

/** What a lane of these tables is compared with. Throws what `DumpProcess` throws. */
export function dumpStructures(
  connection: Connection,
  database: DatabaseName,
  tables: readonly string[],
): Promise<DumpStream> {
  return dump(connection, { kind: 'structures', database, tables });
}

async function dump(connection: Connection, subject: DumpSubject): Promise<DumpStream> {
  return asStage<DumpStream>(startDump(await readDumpTools(connection), subject, false).output());
}
