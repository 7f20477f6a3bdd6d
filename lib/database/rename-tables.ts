import type { DatabaseName } from '../model/names.ts';
import { quoteIdentifier } from './sql-text.ts';

/** So many names of 64 characters stay below what any server takes as one statement. */
const TABLES_A_STATEMENT = 5_000;

/**
 * The statements that move tables to another database: one, in which all move at once, unless there are very many. With
 * the checks of foreign keys on, the server lets them follow the tables that they refer to. Nobody waits for longer than a
 * minute for those who are using a table.
 */
export function renameTables(from: DatabaseName, to: DatabaseName, tables: readonly string[]): string {
  const place = (database: DatabaseName, table: string) => `${quoteIdentifier(database)}.${quoteIdentifier(table)}`;
  const moves = tables.map((table) => `${place(from, table)} TO ${place(to, table)}`);
  const statements: string[] = ['SET SESSION lock_wait_timeout = 60, foreign_key_checks = 1;'];
  for (let start = 0; start < moves.length; start += TABLES_A_STATEMENT)
    statements.push(`RENAME TABLE ${moves.slice(start, start + TABLES_A_STATEMENT).join(', ')};`);
  return statements.join('\n');
}
