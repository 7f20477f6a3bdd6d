import * as z from 'zod';
import { type Ask, query } from './client.ts';
import type { Connection } from './connection.ts';
import { quoteString } from './sql-text.ts';

/** An account or role that objects of a database name as whom they run, and that the server does not have. */
export interface MissingDefiner {
  readonly database: string;
  /** `app@%`, or the name of a role, which some views of the server write with an @. */
  readonly definer: string;
  readonly objects: number;
}

const Account = z.object({ account: z.string() });

/**
 * Those of `accounts`, as `app@%` or `role`, that the server does not have; null for whoever may not read its accounts.
 */
export async function readMissingAccounts(
  connection: Connection,
  accounts: readonly string[],
): Promise<readonly string[] | null> {
  const sql = "SELECT JSON_OBJECT('account', CONCAT(User, '@', Host)) FROM mysql.global_priv";
  const found = await query(connection, sql, Account).catch(() => null);
  if (!found) return null;
  const there = new Set(found.map(({ account }) => account));
  // A role has no host.
  return accounts.filter((account) => !there.has(account) && !there.has(`${account}@`));
}

const Row = z.object({ database: z.string(), definer: z.string(), objects: z.int() });

/** Who may not read the accounts is told of none: no restore fails for the sake of a remark. */
export async function readMissingDefiners(
  connection: Connection,
  databases: readonly string[],
): Promise<readonly MissingDefiner[]> {
  if (databases.length === 0) return [];
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const names = databases.map(quoteString).join(', ');
  const from = (view: string, schema: string) =>
    `SELECT ${schema} AS db, DEFINER AS definer FROM information_schema.${view} WHERE ${schema} IN (${names})`;
  const sql = `SELECT JSON_OBJECT('database', db, 'definer', definer, 'objects', COUNT(*)) FROM (
      ${[
        from('VIEWS', 'TABLE_SCHEMA'),
        from('ROUTINES', 'ROUTINE_SCHEMA'),
        from('TRIGGERS', 'TRIGGER_SCHEMA'),
        from('EVENTS', 'EVENT_SCHEMA'),
      ].join(' UNION ALL ')}
    ) AS defined
    WHERE TRIM(TRAILING '@' FROM definer) COLLATE utf8mb3_bin NOT IN (
      SELECT TRIM(TRAILING '@' FROM CONCAT(User, '@', Host)) COLLATE utf8mb3_bin FROM mysql.global_priv)
    GROUP BY db, definer ORDER BY db, definer`;
  return await ask(sql, Row).catch(() => []);
}
