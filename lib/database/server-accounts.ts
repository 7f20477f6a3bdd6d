import * as z from 'zod';
import { asCoffreError } from '../model/error.ts';
import { type Ask, query } from './client.ts';
import type { Connection } from './connection.ts';
import { quoteIdentifier } from './sql-text.ts';

/** What a restore of accounts has to know of those that the server has. Names as SQL: `` `app`@`%` ``. */
export interface ServerAccounts {
  /** As which this connection is logged in. */
  readonly own: string;
  /** Those that a server is installed with and that log in by a password or a plugin: by them its administrators come in. */
  readonly installed: readonly string[];
  /** Those that log in by a password or a plugin; none where the account may not look. */
  readonly secured: ReadonlySet<string>;
}

const Own = z.object({ user: z.string(), from: z.string(), machine: z.string() });
const OWN = `SELECT JSON_OBJECT('user', LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)) - 1),
  'from', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), 'machine', @@hostname)`;

const Row = z.object({ user: z.string(), from: z.string() });
const SECURED = `SELECT JSON_OBJECT('user', User, 'from', Host) FROM mysql.global_priv
  WHERE NOT IFNULL(JSON_VALUE(Priv, '$.is_role'), 0) AND (JSON_VALUE(Priv, '$.authentication_string') <> ''
    OR JSON_EXISTS(Priv, '$.auth_or') OR IFNULL(JSON_VALUE(Priv, '$.plugin'), '') NOT IN ('', 'mysql_native_password'))`;

/** What mariadb-install-db makes. */
const INSTALLED: readonly string[] = ['root', 'mysql', 'mariadb.sys'];

export async function readServerAccounts(connection: Connection): Promise<ServerAccounts> {
  const ask: Ask = (sql, row) => query(connection, sql, row);
  const [own = { user: '', from: '', machine: '' }] = await ask(OWN, Own);
  const secured = await ask(SECURED, Row).catch((error: unknown) => {
    // Before 10.4 they are in another table; then they get what the backup says, and a difference is told at the end.
    if (['account-lacks-privilege', 'dump-failed'].includes(asCoffreError(error).code)) return [];
    throw error;
  });
  const here = ['localhost', '127.0.0.1', '::1', own.machine.toLowerCase()];
  const name = ({ user, from }: z.infer<typeof Row>) => `${quoteIdentifier(user)}@${quoteIdentifier(from)}`;
  return {
    own: name(own),
    installed: secured
      .filter(({ user, from }) => INSTALLED.includes(user) && here.includes(from.toLowerCase()))
      .map(name)
      .sort(),
    secured: new Set(secured.map(name)),
  };
}
