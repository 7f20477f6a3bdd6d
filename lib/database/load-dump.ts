import type { Bytes } from '../model/stages.ts';
import { feed, start, terminate } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { clientFailure } from './client-failure.ts';
import { type Connection, clientArguments, describeServer } from './connection.ts';

/**
 * Feeds SQL to a server through the mariadb client, as `mariadb --comments < dump` does; without that option the
 * client drops the comments in the bodies of routines, triggers and events. The accounts' dump MUST come after all
 * others, because a grant on a table needs the table.
 *
 * Throws what `sql` throws, having ended the client before it got the rest: what was loaded until then stays.
 */
export async function loadDump(connection: Connection, sql: Bytes, subject = 'a dump'): Promise<void> {
  const program = requireProgram('mariadb');
  const args = ['--batch', '--comments', '--default-character-set=utf8mb4', '--max-allowed-packet=1G'];
  const running = start(program, [...(await clientArguments(connection)), ...args]);
  running.stdout.resume();
  try {
    await feed(running.stdin, sql);
  } catch (error) {
    terminate(running.child);
    await running.ended;
    throw error;
  }
  const ended = await running.ended;
  if (ended.exitCode === 0 && ended.stderr === '') return;
  throw clientFailure(`load ${subject} into ${describeServer(connection)}`, connection, ended);
}
