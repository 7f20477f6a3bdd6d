import * as z from 'zod';
import type { DatabaseName } from '../model/names.ts';
import { type Ask, execute, query } from './client.ts';
import type { Connection } from './connection.ts';
import { isNamed, type OwnObjects, readOwnObjects } from './own-objects.ts';
import { quoteIdentifier } from './sql-text.ts';

/** The names of what a load has made. Tables, views and sequences share theirs. */
export interface OwnNames {
  /** `folds`: whether the server takes names of tables that differ by case alone for the same. */
  has(kind: 'relation' | 'routine' | 'event', name: string, folds: boolean): boolean;
}

const KINDS = [
  ['tables', 'relation'],
  ['views', 'relation'],
  ['routines', 'routine'],
  ['events', 'event'],
] as const;

/** What is in a database, without what goes with a table. */
export type Parts = Pick<OwnObjects, (typeof KINDS)[number][0]>;

const Folds = z.object({ folds: z.int() });
const Left = z.object({ left: z.int() });
const Routine = z.object({ type: z.enum(['FUNCTION', 'PROCEDURE', 'PACKAGE', 'PACKAGE BODY']), name: z.string() });

/** It is in nobody's way, and waits for its users no longer than this. */
const SETTINGS = 'SET SESSION lock_wait_timeout = 60, foreign_key_checks = 0;\n';
const TABLES_A_STATEMENT = 1000;

/** What is in a database that a load was to make, apart: what it has made itself, and what somebody else has. */
export async function readApart(
  connection: Connection,
  database: DatabaseName,
  own: OwnNames,
): Promise<{ readonly own: Parts; readonly strange: Parts }> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const [server] = await ask("SELECT JSON_OBJECT('folds', @@lower_case_table_names)", Folds);
  const found = await readOwnObjects(ask, database);
  const partOf = (isOwn: boolean): Parts => {
    const named = ([field, kind]: (typeof KINDS)[number]) =>
      found[field].filter((name) => own.has(kind, name, server?.folds !== 0) === isOwn);
    return { tables: named(KINDS[0]), views: named(KINDS[1]), routines: named(KINDS[2]), events: named(KINDS[3]) };
  };
  return { own: partOf(true), strange: partOf(false) };
}

/**
 * Drops a database that a load has made, and `own` has the names of what is in it. Where there is anything else, which somebody
 * has made meanwhile, it drops its own things alone, and returns the others, each as words such as ``the table `t` ``.
 */
export async function dropOwn(
  connection: Connection,
  database: DatabaseName,
  own: OwnNames,
): Promise<readonly string[]> {
  for (;;) {
    const parts = await readApart(connection, database, own);
    const strange = describeParts(parts.strange);
    if (strange.length > 0) {
      await dropParts(connection, database, parts.own);
      return strange;
    }
    const known = Object.values(parts.own).reduce((sum, names) => sum + names.length, 0);
    const [row] = await query(connection, dropUnlessMore(database, known), Left);
    if (row?.left === 0) return [];
  }
}

/** Each in words. */
export function describeParts({ tables, views, routines, events }: Parts): readonly string[] {
  const named = (kind: string, names: readonly string[]) => names.map((name) => `the ${kind} ${quoteIdentifier(name)}`);
  const all = [named('table', tables), named('view', views), named('routine', routines), named('event', events)];
  return [...new Set(all.flat())];
}

/** Somebody may make something up to the very last moment: so it is the server itself that counts, right before. */
function dropUnlessMore(database: DatabaseName, known: number): string {
  const count = (view: string, column: string) =>
    `(SELECT COUNT(*) FROM information_schema.${view} WHERE ${isNamed(column, database)})`;
  return `${SETTINGS}DELIMITER //
BEGIN NOT ATOMIC
  IF ${count('TABLES', 'TABLE_SCHEMA')} + ${count('ROUTINES', 'ROUTINE_SCHEMA')} + ${count('EVENTS', 'EVENT_SCHEMA')} > ${known} THEN
    SELECT JSON_OBJECT('left', 1);
  ELSE
    DROP DATABASE IF EXISTS ${quoteIdentifier(database)};
    SELECT JSON_OBJECT('left', 0);
  END IF;
END//
DELIMITER ;`;
}

async function dropParts(connection: Connection, database: DatabaseName, own: Parts): Promise<void> {
  const placed = (name: string) => `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
  const routines = await query(
    connection,
    `SELECT JSON_OBJECT('type', ROUTINE_TYPE, 'name', ROUTINE_NAME) FROM information_schema.ROUTINES
     WHERE ${isNamed('ROUTINE_SCHEMA', database)} ORDER BY ROUTINE_TYPE = 'PACKAGE'`,
    Routine,
  );
  const statements = [
    ...own.events.map((name) => `DROP EVENT IF EXISTS ${placed(name)}`),
    ...own.views.map((name) => `DROP VIEW IF EXISTS ${placed(name)}`),
    ...routines
      .filter(({ name }) => own.routines.includes(name))
      .map(({ type, name }) => `DROP ${type} IF EXISTS ${placed(name)}`),
  ];
  for (let start = 0; start < own.tables.length; start += TABLES_A_STATEMENT) {
    const some = own.tables.slice(start, start + TABLES_A_STATEMENT).map(placed);
    statements.push(`DROP TABLE IF EXISTS ${some.join(', ')}`);
  }
  if (statements.length > 0) await execute(connection, `${SETTINGS}${statements.join(';\n')}`);
}
