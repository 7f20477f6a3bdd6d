import * as z from 'zod';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { Aside } from './aside.ts';
import { beginAside, type DatabaseDefaults, setAsideState } from './aside-mark.ts';
import { type Ask, execute, query } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import { isNamed, readOwnObjects } from './own-objects.ts';
import { putBack } from './put-back.ts';
import { renameTables } from './rename-tables.ts';
import { readDefinitionsSql, writeDefinitions } from './saved-definitions.ts';
import { quoteIdentifier } from './sql-text.ts';

const Defaults = z.object({ characterSet: z.string(), collation: z.string(), comment: z.string() });

/** What of a database no server moves. */
export interface Unmovable {
  readonly defaults: DatabaseDefaults;
  /** Triggers, routines, events and views, as SQL. */
  readonly definitions: Buffer;
}

/** MUST be read of all databases before the first of them is moved: a view may be on what another one has. */
export async function readUnmovable(connection: Connection, database: DatabaseName): Promise<Unmovable> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const defaults = await readDefaults(connection, database);
  const definitions = await readDefinitionsSql(connection, database, await readOwnObjects(ask, database));
  return { defaults, definitions };
}

/**
 * Moves a database out of the way: its tables into the database `name`, which is made for that, and beside them as text
 * all that no server moves. Afterwards there is no database of the old name. How far it has come stands in the server at
 * any moment, so that `putBack` undoes it also when this was killed.
 *
 * Throws by the table, having put back what it had moved.
 */
export async function moveAside(
  connection: Connection,
  aside: Omit<Aside, 'state'>,
  unmovable?: Unmovable,
): Promise<void> {
  const { name, database } = aside;
  const { defaults, definitions } = unmovable ?? (await readUnmovable(connection, database));
  try {
    await beginAside(connection, { ...aside, ...defaults });
    await writeDefinitions(connection, name, definitions);
    await setAsideState(connection, name, 'moving');
    await moveAll(connection, database, name);
    await setAsideState(connection, name, 'moved');
  } catch (error) {
    const failure = asCoffreError(error);
    const undone = await putBack(connection, name, { standing: 'stays' }).then(() => undefined, asCoffreError);
    throw new CoffreError(failure.code, `cannot move ${database} aside: ${failure.message}`, {
      hint: undone ? `${undone.message}; then restore once more: that puts it back first` : failure.hint,
      cause: error,
    });
  }
}

/** A table with triggers stays where it is; and somebody may make another table meanwhile. */
async function moveAll(connection: Connection, from: DatabaseName, to: DatabaseName): Promise<void> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const own = quoteIdentifier(from);
  for (;;) {
    const { tables, triggers } = await readOwnObjects(ask, from);
    if (tables.length === 0) break;
    const drops = triggers.map((trigger) => `DROP TRIGGER ${own}.${quoteIdentifier(trigger)};\n`);
    await execute(
      connection,
      `SET SESSION lock_wait_timeout = 60;\n${drops.join('')}${renameTables(from, to, tables)}`,
    );
  }
  await execute(connection, `SET SESSION lock_wait_timeout = 60;\nDROP DATABASE ${own}`);
}

async function readDefaults(connection: Connection, database: DatabaseName): Promise<DatabaseDefaults> {
  const [defaults] = await query(
    connection,
    `SELECT JSON_OBJECT('characterSet', DEFAULT_CHARACTER_SET_NAME, 'collation', DEFAULT_COLLATION_NAME, 'comment', SCHEMA_COMMENT)
     FROM information_schema.SCHEMATA WHERE ${isNamed('SCHEMA_NAME', database)}`,
    Defaults,
  );
  if (defaults) return defaults;
  throw new CoffreError('not-found', `cannot move ${database} aside: ${describeServer(connection)} has it no more`, {
    hint: 'look at: SHOW DATABASES',
  });
}
