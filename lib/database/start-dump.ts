import type { DatabaseName } from '../model/names.ts';
import type { SystemUser } from '../system/command.ts';
import { type Connection, clientArguments, clientUser } from './connection.ts';
import { describeDatabases } from './describe-databases.ts';
import { DumpProcess } from './dump-process.ts';
import { type DumpProgram, type DumpSubject, dumpArguments, readDumpProgram } from './dump-program.ts';
import { LockWatch } from './lock-watch.ts';
import { quoteIdentifier } from './sql-text.ts';

/** All that it takes to start the dump program for a connection, looked up once. */
export interface DumpTools {
  readonly connection: Connection;
  readonly program: DumpProgram;
  readonly arguments: readonly string[];
  readonly as: SystemUser | undefined;
  /** How long a program may wait for a table that somebody has locked; as long as the server lets it if absent. */
  readonly tableWaitMs?: number;
}

/** Throws what `readDumpProgram`, `clientArguments` and `clientUser` throw. */
export async function readDumpTools(connection: Connection): Promise<DumpTools> {
  return {
    connection,
    program: await readDumpProgram(),
    arguments: await clientArguments(connection),
    as: await clientUser(connection),
  };
}

/** `binlog`: whether the dump tells its place in the binary log, which fails where there is none. */
export function startDump(tools: DumpTools, subject: DumpSubject, binlog: boolean): DumpProcess {
  const { program, connection, as, tableWaitMs } = tools;
  const words = [...tools.arguments, ...dumpArguments(subject, { binlog, history: program.history })];
  const watch = tableWaitMs === undefined ? undefined : new LockWatch(connection, tableWaitMs, databasesIn(subject));
  return new DumpProcess(program.command, words, nameOf(subject), connection, { as, watch });
}

function databasesIn(subject: DumpSubject): readonly DatabaseName[] {
  if (subject.kind === 'accounts') return [];
  return 'database' in subject ? [subject.database] : subject.databases;
}

function nameOf(subject: DumpSubject): string {
  switch (subject.kind) {
    case 'accounts':
      return 'the accounts';
    case 'databases':
      return describeDatabases(subject.databases);
    case 'views':
      return `the views of ${describeDatabases(subject.databases)}`;
    case 'lane':
    case 'tables':
      return tablesOf(subject);
    case 'definitions':
      return `the triggers, routines and events of ${describeDatabases([subject.database])}`;
    case 'structures':
      return `the structure of ${tablesOf(subject)}`;
  }
}

function tablesOf({
  database,
  tables: [first = '', ...others],
}: Extract<DumpSubject, { kind: 'lane' | 'structures' | 'tables' }>) {
  const name = `the table ${quoteIdentifier(database)}.${quoteIdentifier(first)}`;
  return others.length === 0 ? name : `${name} and ${others.length} more`;
}
