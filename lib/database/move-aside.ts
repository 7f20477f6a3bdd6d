import * as z from 'zod';
import { asCoffreError, CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { Aside } from './aside.ts';
import { beginAside, type DatabaseDefaults, setAsideState } from './aside-mark.ts';
import { type Ask, execute, query } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import { isNamed, type OwnObjects, readOwnObjects } from './own-objects.ts';
import { putBack } from './put-back.ts';
import { renameTables } from './rename-tables.ts';
import { readDefinitionsSql, writeDefinitions } from './saved-definitions.ts';
import { quoteIdentifier } from './sql-text.ts';

const Defaults = z.object({ characterSet: z.string(), collation: z.string(), comment: z.string() });

/** What of a database no server moves. */
export interface Unmovable {
  readonly defaults: DatabaseDefaults;
  readonly objects: OwnObjects;
  /** Triggers, routines, events and views, as SQL. */
  readonly definitions: Buffer;
}

/** MUST be read of all databases before the first of them is moved: a view may be on what another one has. */
export async function readUnmovable(connection: Connection, database: DatabaseName): Promise<Unmovable> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const defaults = await readDefaults(connection, database);
  const objects = await readOwnObjects(ask, database);
  return { defaults, objects, definitions: await readDefinitionsSql(connection, database, objects) };
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
  const { defaults, objects, definitions } = unmovable ?? (await readUnmovable(connection, database));
  try {
    await beginAside(connection, { ...aside, ...defaults });
    await writeDefinitions(connection, name, definitions);
    await setAsideState(connection, name, 'moving');
    await moveAll(connection, database, name, objects);
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

const Left = z.object({ left: z.int() });

/**
 * A table with triggers stays where it is; and somebody may make another table meanwhile, up to the very last moment: so it is
 * the server itself that looks for one right before it drops what is left. Throws `refused` where there is a view, a routine or
 * an event by then that is not kept as text.
 */
async function moveAll(connection: Connection, from: DatabaseName, to: DatabaseName, kept: OwnObjects): Promise<void> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const own = quoteIdentifier(from);
  for (;;) {
    const { tables, triggers, ...others } = await readOwnObjects(ask, from);
    if (tables.length === 0) {
      assertKept(from, others, kept);
      const [row] = await ask(dropUnlessTables(from), Left);
      if (row?.left === 0) return;
      continue;
    }
    const drops = triggers.map((trigger) => `DROP TRIGGER ${own}.${quoteIdentifier(trigger)};\n`);
    await execute(
      connection,
      `SET SESSION lock_wait_timeout = 60;\n${drops.join('')}${renameTables(from, to, tables)}`,
    );
  }
}

function dropUnlessTables(database: DatabaseName): string {
  const own = quoteIdentifier(database);
  return `SET SESSION lock_wait_timeout = 60;
DELIMITER //
BEGIN NOT ATOMIC
  IF EXISTS (SELECT 1 FROM information_schema.TABLES WHERE ${isNamed('TABLE_SCHEMA', database)} AND TABLE_TYPE <> 'VIEW') THEN
    SELECT JSON_OBJECT('left', 1);
  ELSE
    DROP DATABASE ${own};
    SELECT JSON_OBJECT('left', 0);
  END IF;
END//
DELIMITER ;`;
}

function assertKept(database: DatabaseName, found: Omit<OwnObjects, 'tables' | 'triggers'>, kept: OwnObjects): void {
  const since = (['views', 'routines', 'events'] as const).flatMap((kind) =>
    found[kind].filter((name) => !kept[kind].includes(name)),
  );
  if (since.length === 0) return;
  const names = since.map((name) => `${quoteIdentifier(database)}.${quoteIdentifier(name)}`).join(', ');
  throw new CoffreError('refused', `somebody has made ${names} while it was moved`, {
    hint: 'let nobody change the database during a restore, and restore once more',
  });
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
