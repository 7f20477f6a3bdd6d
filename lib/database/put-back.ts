import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { quotePosix } from '../system/command.ts';
import type { Aside } from './aside.ts';
import { MARK, readMark, setAsideState } from './aside-mark.ts';
import { type Ask, execute, query } from './client.ts';
import type { Connection } from './connection.ts';
import { describeParts, dropOwn, type OwnNames, type Parts, readApart } from './drop-own.ts';
import { readOwnObjects } from './own-objects.ts';
import { renameTables } from './rename-tables.ts';
import { DEFINITIONS, loadDefinitions, readDefinitionsText } from './saved-definitions.ts';
import { quoteIdentifier, quoteString } from './sql-text.ts';
import { readStanding } from './standing.ts';

/** What goes now is not to be held back by what refers to it, and waits for its users no longer than this. */
const SETTINGS = 'SET SESSION lock_wait_timeout = 60, foreign_key_checks = 0;\n';

const OWN_TABLES: readonly string[] = [MARK, DEFINITIONS];

/** What becomes of what stands in the place of a database that comes back: names are those of what goes, and no more. */
export type Standing = 'goes' | 'stays' | OwnNames;

/**
 * Undoes `moveAside`, however far that has come: afterwards the old database is what it was, and nothing is left of the
 * aside. Can be repeated after a kill at any point. Returns what somebody else has made in its place, and is beside it now.
 * Throws `refused` where something stands in its place by now, unless `standing` says that it goes, or where what stays has
 * names of the old one; otherwise by the table.
 */
export async function putBack(
  connection: Connection,
  name: DatabaseName,
  { standing }: { readonly standing: Standing },
): Promise<readonly string[]> {
  let beside: readonly string[] = [];
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const { tables } = await readOwnObjects(ask, name);
  const mark = tables.includes(MARK) ? await readMark(ask, name) : undefined;
  if (mark && mark.state !== 'begun') {
    const { database, characterSet, collation, comment } = mark;
    const own = quoteIdentifier(database);
    if (mark.state !== 'moving') {
      beside =
        typeof standing === 'string'
          ? await clearPlace(connection, database, standing)
          : await clearOwn(connection, { name, database }, standing);
      // From here on what stands in its place is the old one, and never to be dropped again.
      await setAsideState(connection, name, 'moving');
    }
    const how = `CHARACTER SET ${characterSet} COLLATE ${collation} COMMENT ${quoteString(comment)}`;
    await execute(connection, `CREATE DATABASE IF NOT EXISTS ${own};\nALTER DATABASE ${own} ${how}`);
    const moved = tables.filter((table) => !OWN_TABLES.includes(table));
    if (moved.length > 0) await execute(connection, renameTables(name, database, moved));
    await loadDefinitions(connection, name, database);
  }
  await assertEmpty(ask, name);
  await execute(connection, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
  return beside;
}

/** Nobody can tell rows that a restore has loaded from those that somebody has written since. */
async function clearPlace(
  connection: Connection,
  database: DatabaseName,
  whatStands: 'goes' | 'stays',
): Promise<readonly string[]> {
  const found = await readStanding((sql, row) => query(connection, sql, row), database);
  // An empty database is used as it is: to drop it, too, would be to drop what somebody makes in it just now.
  if (found === null) return [];
  if (whatStands === 'stays') throw standsThere(database, found);
  await execute(connection, `${SETTINGS}DROP DATABASE IF EXISTS ${quoteIdentifier(database)}`);
  return [];
}

/** What somebody has made there meanwhile stays, and nothing goes where the old one would come over it. */
async function clearOwn(
  connection: Connection,
  { name, database }: Pick<Aside, 'name' | 'database'>,
  own: OwnNames,
): Promise<readonly string[]> {
  const { strange } = await readApart(connection, database, own);
  const taken = Object.values(strange).flat().length === 0 ? [] : await readTaken(connection, name, strange);
  if (taken.length > 0) throw standsThere(database, `with ${taken.join(', ')}, also a name of the old one`);
  return await dropOwn(connection, database, own);
}

/** Rather one too many: what is kept as text is looked through for the name alone. */
async function readTaken(connection: Connection, aside: DatabaseName, strange: Parts): Promise<readonly string[]> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const { tables } = await readOwnObjects(ask, aside);
  const text = (await readDefinitionsText(connection, aside)).toLowerCase();
  const moved = new Set(tables.map((table) => table.toLowerCase()));
  const isTaken = (found: string) =>
    moved.has(found.toLowerCase()) || text.includes(quoteIdentifier(found).toLowerCase());
  const only = (names: readonly string[]) => names.filter(isTaken);
  const { views, routines, events } = strange;
  return describeParts({
    ...{ tables: only(strange.tables), views: only(views) },
    ...{ routines: only(routines), events: only(events) },
  });
}

/** What to do about a place that is taken, for whoever wants the old database back in it. */
export function standsThere(database: string, standing: string): CoffreError {
  return new CoffreError(
    'refused',
    `cannot put ${database} back: in its place there is something (${standing}) in which somebody may have worked since`,
    {
      hint: `look at it: SHOW TABLES FROM ${quoteIdentifier(database)}; to drop it, which nothing undoes, and put the old one back: ${putBackWords(database)}`,
    },
  );
}

/** The command that brings the old database back where nothing stands in its place. How the server is found, a task adds. */
export function putBackAlone(database: string): string {
  return `npx zx tasks/restore.ts --put-back ${quotePosix(database)}`;
}

/** The command that brings the old database back whatever stands in its place. */
export function putBackWords(database: string): string {
  return `${putBackAlone(database)} --drop-first ${quotePosix(database)}`;
}

/** Nothing but our own tables may go with an aside that is put back. */
async function assertEmpty(ask: Ask, name: DatabaseName): Promise<void> {
  const { tables } = await readOwnObjects(ask, name);
  const left = tables.filter((table) => !OWN_TABLES.includes(table));
  if (left.length === 0) return;
  throw new CoffreError('refused', `cannot drop ${name}: it still holds ${left.join(', ')}`, {
    hint: `look at them: SHOW TABLES FROM ${quoteIdentifier(name)};`,
  });
}

/**
 * Drops what was moved aside: the new one is verified. The mark goes last, so that a server that dies meanwhile still
 * has it beside what is left.
 */
export async function dropAside(connection: Connection, name: DatabaseName): Promise<void> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  await setAsideState(connection, name, 'replaced');
  const own = quoteIdentifier(name);
  const { tables } = await readOwnObjects(ask, name);
  const drops = tables
    .filter((table) => !OWN_TABLES.includes(table))
    .map((table) => `DROP TABLE IF EXISTS ${own}.${quoteIdentifier(table)};\n`);
  await execute(connection, `${SETTINGS}${drops.join('')}DROP DATABASE ${own}`);
}

/**
 * Ends what a restore that was killed has left: drops it where the new one is verified, and puts it back where not. Throws
 * as `putBack` where something stands in its place.
 */
export async function settleAside(connection: Connection, { name, state }: Aside): Promise<'dropped' | 'put back'> {
  if (state === 'replaced') {
    await dropAside(connection, name);
    return 'dropped';
  }
  await putBack(connection, name, { standing: 'stays' });
  return 'put back';
}
