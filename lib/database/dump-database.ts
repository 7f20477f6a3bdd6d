import type { DatabaseName } from '../model/names.ts';
import { asStage, type DumpStream } from '../model/stages.ts';
import { type Connection, clientArguments, clientUser } from './connection.ts';
import { DumpProcess } from './dump-process.ts';
import { type DumpProgram, dumpArguments, laneArguments, readDumpProgram } from './dump-program.ts';
import { quoteIdentifier } from './sql-text.ts';

/**
 * One database as it is now, in the same form as in a backup: for comparing what was restored with what was sealed.
 * Without the rows of the tables `laned`. Throws what `DumpProcess` throws.
 */
export async function dumpDatabase(
  connection: Connection,
  database: DatabaseName,
  laned: readonly string[] = [],
): Promise<DumpStream> {
  const program = await readDumpProgram();
  const args = dumpArguments(database, { binlog: false, history: program.history, laned });
  return await dump(connection, program, args, `the database ${quoteIdentifier(database)}`);
}

/** The lane of a table as it is now, in the same form as in a backup. Throws what `DumpProcess` throws. */
export async function dumpLane(
  connection: Connection,
  database: DatabaseName,
  table: string,
  where: string | null,
): Promise<DumpStream> {
  const args = laneArguments(database, table, { where, binlog: false });
  return await dump(connection, await readDumpProgram(), args, `the table ${quoteIdentifier(table)}`);
}

async function dump(
  connection: Connection,
  { command }: DumpProgram,
  args: readonly string[],
  subject: string,
): Promise<DumpStream> {
  const all = [...(await clientArguments(connection)), ...args];
  return asStage<DumpStream>(new DumpProcess(command, all, subject, connection, await clientUser(connection)).output());
}
