import type { Bytes } from '../model/stages.ts';
import { feed, start, terminate } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { clientFailure } from './client-failure.ts';
import { type Connection, clientArguments, describeServer } from './connection.ts';

/**
 * Without these the client drops the comments in the bodies of routines, triggers and events, and turns their line
 * ends from CR LF into LF.
 */
const FAITHFUL = ['--comments', '--binary-mode'];

/**
 * Runs SQL of any size through the mariadb client, which stops at the first error. The accounts' dump MUST come after
 * all others, because a grant on a table needs the table.
 *
 * Throws what `sql` throws, having ended the client before it got the rest: what was loaded until then stays.
 */
export async function loadSql(connection: Connection, sql: Bytes | string, subject = 'SQL'): Promise<void> {
  const program = requireProgram('mariadb');
  const args = [...FAITHFUL, '--batch', '--default-character-set=utf8mb4', '--max-allowed-packet=1G'];
  const running = start(program, [...(await clientArguments(connection)), ...args]);
  running.stdout.resume();
  try {
    await feed(running.stdin, typeof sql === 'string' ? once(sql) : sql);
  } catch (error) {
    terminate(running.child);
    await running.ended;
    throw error;
  }
  const ended = await running.ended;
  if (ended.exitCode === 0 && ended.stderr === '') return;
  throw clientFailure(`load ${subject} into ${describeServer(connection)}`, connection, ended);
}

async function* once(text: string): Bytes {
  yield Buffer.from(text);
}
