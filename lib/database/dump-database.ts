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

/** The lane of a table as it is now, in the same form as in a backup. Throws what `DumpProcess` throws. */
export function dumpLane(
  connection: Connection,
  database: DatabaseName,
  table: string,
  where: string | null,
): Promise<DumpStream> {
  return dump(connection, { kind: 'lane', database, table, where });
}

async function dump(connection: Connection, subject: DumpSubject): Promise<DumpStream> {
  return asStage<DumpStream>(startDump(await readDumpTools(connection), subject, false).output());
}
