import type { Bytes } from '../model/stages.ts';
import { terminate } from '../system/command.ts';
import { feed } from '../system/pipes.ts';
import { errorLine } from './client-failure.ts';
import { type Connection, describeServer } from './connection.ts';
import { keepGrantHere } from './import-role.ts';
import { type PlaceAt, startLoader } from './load-client.ts';
import { loadFailure } from './load-failure.ts';
import { type LostGrant, LostGrants } from './lost-grants.ts';

/**
 * Runs SQL of any size through the mariadb client, which stops at the first error. The accounts' dump MUST come after
 * all others, because a grant on a table needs the table. `placeAt` says what a line of `sql` is about, for sentences.
 *
 * Throws what `sql` throws, having ended the client before it got the rest: what was loaded until then stays.
 */
export async function loadSql(
  connection: Connection,
  sql: Bytes | string,
  subject = 'SQL',
  placeAt: PlaceAt = () => undefined,
): Promise<void> {
  const ended = await runClient(connection, typeof sql === 'string' ? once(sql) : sql);
  if (ended.exitCode === 0 && ended.stderr === '') return;
  const line = errorLine(ended.stderr);
  const place = line === undefined ? undefined : placeAt(line);
  const what = place === undefined ? subject : `${place} of ${subject}`;
  throw loadFailure(`load ${what} into ${describeServer(connection)}`, connection, ended);
}

/**
 * Runs the dump of the accounts through the client to its end, whatever fails. A server keeps the grants on a table
 * that is dropped, and takes none on a table that is not there: such a grant is no reason to lose all that comes after
 * it. Returns those; throws for any other error, also when no more than one statement of many has failed.
 */
export async function loadAccounts(connection: Connection, sql: Bytes): Promise<readonly LostGrant[]> {
  const grants = new LostGrants();
  const ended = await runClient(connection, keepGrantHere(sql), ['--force'], (text) => grants.push(text));
  const { failure, found } = grants;
  if (ended.exitCode === 0 && failure === undefined) return found;
  const stderr = failure ?? ended.stderr;
  throw loadFailure(`load accounts into ${describeServer(connection)}`, connection, { ...ended, stderr });
}

/** `onStderr` gets all of standard error; of the result's there is a limit. */
async function runClient(
  connection: Connection,
  sql: Bytes,
  extra: readonly string[] = [],
  onStderr: (text: string) => void = () => undefined,
) {
  const running = await startLoader(connection, extra);
  running.stdout.resume();
  running.child.stderr?.on('data', onStderr);
  try {
    await feed(running.stdin, sql);
  } catch (error) {
    terminate(running.child);
    await running.ended;
    throw error;
  }
  return await running.ended;
}

async function* once(text: string): Bytes {
  yield Buffer.from(text);
}
