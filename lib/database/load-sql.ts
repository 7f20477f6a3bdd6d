import type { Bytes } from '../model/stages.ts';
import { feed, start, terminate } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { clientFailure } from './client-failure.ts';
import { type Connection, clientArguments, describeServer } from './connection.ts';

/** Binary mode, or the client would turn the line ends in the bodies of routines from CR LF into LF. */
const ARGUMENTS = [
  '--binary-mode',
  '--batch',
  '--default-character-set=utf8mb4',
  '--max-allowed-packet=1G',
  '--connect-timeout=15',
];

/**
 * Runs SQL of any size through the mariadb client, which stops at the first error. What came before the error stays.
 * Throws what `clientFailure` makes of it; the failing statement, with its data, goes nowhere.
 */
export async function loadSql(connection: Connection, sql: Bytes | string, subject?: string): Promise<void> {
  const args = [...(await clientArguments(connection)), ...ARGUMENTS];
  const running = start(requireProgram('mariadb'), args);
  running.stdout.resume();
  const source = typeof sql === 'string' ? once(sql) : sql;
  try {
    await feed(running.stdin, source);
  } catch (error) {
    terminate(running.child);
    await running.ended;
    throw error;
  }
  const ended = await running.ended;
  if (ended.exitCode === 0) return;
  throw clientFailure(`load ${subject ?? 'SQL'} into ${describeServer(connection)}`, connection, ended);
}

async function* once(text: string): Bytes {
  yield Buffer.from(text);
}
