import type { DatabaseName } from '../model/names.ts';
import { asStage, type DumpStream } from '../model/stages.ts';
import type { Connection } from './connection.ts';
import { readDumpTools, startDump } from './start-dump.ts';

/**
 * One database as it is now, in the same form as in a backup: for comparing what was restored with what was sealed.
 * Throws what `DumpProcess` throws.
 */
export async function dumpDatabase(connection: Connection, database: DatabaseName): Promise<DumpStream> {
  const process = startDump(await readDumpTools(connection), { kind: 'databases', databases: [database] }, false);
  return asStage<DumpStream>(process.output());
}
