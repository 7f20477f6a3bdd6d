import * as z from 'zod';
import { query } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { quoteIdentifier, quoteString } from '../database/sql-text.ts';
import { CoffreError } from '../model/error.ts';
import { quotePosix } from '../system/command.ts';
import type { RestorePlan } from './plan-restore.ts';
import { loadedAs } from './plan-selections.ts';

const Row = z.object({ name: z.string(), isSequence: z.int() });

/**
 * The plan for a server whose databases have what they have: where tables come into one that is there, sequences that it has
 * stay as they are. Throws `refused` when it has one of the tables: nothing of it is overwritten.
 */
export async function joinDatabases(target: Connection, plan: RestorePlan): Promise<RestorePlan> {
  const selections = new Map(plan.selections);
  const taken: string[] = [];
  let instead = '';
  for (const [archive, selection] of plan.selections) {
    const database = loadedAs(archive, selections);
    if (database === null || !selection.tables || !plan.joined.includes(database)) continue;
    const there = await readTableNames(target, database);
    const found = selection.tables.filter((name) => there.some((each) => each.name === name));
    taken.push(...found.map((name) => `${database}.${name}`));
    if (found.length > 0) instead ||= `--as ${quotePosix(`${database}_restored`)}`;
    const leaves = there.flatMap(({ name, isSequence }) => (isSequence ? [name] : []));
    selections.set(archive, { ...selection, leaves });
  }
  if (taken.length === 0) return { ...plan, selections };
  throw new CoffreError('refused', `cannot restore ${taken.join(', ')}: the server has a table or view of that name`, {
    hint: `restore beside it, and take from there what is needed: ${instead}; or drop it, and restore again`,
  });
}

/** Tables, views and sequences: they share their names. */
export async function readTableNames(target: Connection, database: string) {
  const sql = `SELECT JSON_OBJECT('name', TABLE_NAME, 'isSequence', IF(TABLE_TYPE = 'SEQUENCE', 1, 0))
    FROM information_schema.TABLES WHERE TABLE_SCHEMA COLLATE utf8mb3_bin = ${quoteString(database)}`;
  return await query(target, sql, Row);
}

/** What takes back a load that was cut short: the database, or what has come into one that was there. */
export function takeBackStatement(database: string, tables: readonly string[] | null): string {
  const name = quoteIdentifier(database);
  if (!tables) return `DROP DATABASE IF EXISTS ${name}`;
  const all = tables.map((table) => `${name}.${quoteIdentifier(table)}`).join(', ');
  // Each leaves alone what is of the other kind.
  return `SET foreign_key_checks = 0; DROP VIEW IF EXISTS ${all}; DROP TABLE IF EXISTS ${all}`;
}
