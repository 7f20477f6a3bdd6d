import type { DatabaseName } from '../model/names.ts';
import { asStage, type DumpStream } from '../model/stages.ts';
import { type Connection, clientArguments, clientUser } from './connection.ts';
import { DumpProcess } from './dump-process.ts';
import { dumpArguments, readDumpProgram } from './dump-program.ts';
import { quoteIdentifier } from './sql-text.ts';

/**
 * One database as it is now, in the same form as in a backup: for comparing what was restored with what was sealed.
 * Throws what `DumpProcess` throws.
 */
export async function dumpDatabase(connection: Connection, database: DatabaseName): Promise<DumpStream> {
  const program = await readDumpProgram();
  const args = [...(await clientArguments(connection)), ...dumpArguments(database, { binlog: false, ...program })];
  const subject = `the database ${quoteIdentifier(database)}`;
  return asStage<DumpStream>(
    new DumpProcess(program.command, args, subject, connection, await clientUser(connection)).output(),
  );
}
