import * as z from 'zod';
import type { Privilege } from '../model/account-order.ts';
import type { DatabaseConfig } from '../model/database-config.ts';
import { CoffreError } from '../model/error.ts';
import { query, queryLines } from './client.ts';
import type { Connection } from './connection.ts';
import { quoteString } from './sql-text.ts';

/**
 * What a complete dump needs, all of it on `*.*`. Without TRIGGER or EVENT the dump program leaves these objects
 * out and ends well, and information_schema shows none either, so that counting cannot find it.
 *
 * The same for every server from 10.6 on, by what is really asked of it: RELOAD is for BACKUP STAGE, and PROCESS for
 * InnoDB's own list of its tables, which alone tells that a partition was exchanged or a tablespace imported. SELECT reaches
 * mysql.proc, which shows the body of a routine also where SHOW CREATE ROUTINE (11.3) is a privilege of its own. The
 * dump program asks for its place in the binary log by a status variable that anybody may read, so that BINLOG MONITOR
 * is not needed, and it locks no table within its one transaction, so that LOCK TABLES is not.
 * That takes LOCK TABLES only where the inventory has tables without transactions locked.
 */
export const NEEDED_PRIVILEGES = [
  'SELECT',
  'SHOW VIEW',
  'TRIGGER',
  'EVENT',
  'RELOAD',
  'PROCESS',
] as const satisfies Privilege[];

/** What the inventory says of a server that bears on privileges. */
export type PrivilegeWish = Pick<DatabaseConfig, 'replica' | 'replicaOf'> &
  Partial<Pick<DatabaseConfig, 'nonTransactional'>>;

/** What a host's account needs by the inventory. https://mariadb.com/kb/en/grant/#global-privileges */
export function privilegesFor({ replica, replicaOf, nonTransactional }: PrivilegeWish): readonly Privilege[] {
  const follows = replica !== undefined || replicaOf !== undefined;
  return [
    ...NEEDED_PRIVILEGES,
    ...(nonTransactional === 'lock' ? (['LOCK TABLES'] as const) : []),
    ...(follows ? (['SLAVE MONITOR'] as const) : []),
    ...(replica?.stop === 'sql-thread' ? (['REPLICATION SLAVE ADMIN'] as const) : []),
  ];
}

/** The statement that gives an account what a backup needs, and no more. */
export function grantStatement(
  account: { readonly user: string; readonly from: string },
  privileges: readonly Privilege[] = NEEDED_PRIVILEGES,
): string {
  return `GRANT ${privileges.join(', ')} ON *.* TO ${quoteString(account.user)}@${quoteString(account.from)}`;
}

/**
 * What is missing for a dump, from the lines of `SHOW GRANTS`, which has the grants of the enabled roles too.
 * Only grants on everything count; the name of an account or a role cannot pass for one.
 */
export function missingPrivileges(
  grants: readonly string[],
  needed: readonly Privilege[] = NEEDED_PRIVILEGES,
): Privilege[] {
  return lackingOf(needed, grants);
}

/** As `missingPrivileges`, of any global privileges. */
export function lackingOf<Name extends string>(needed: readonly Name[], grants: readonly string[]): Name[] {
  const held = new Set<string>();
  for (const line of grants) {
    const privileges = /^GRANT ([A-Z ,]+) ON \*\.\* TO /.exec(line)?.[1];
    for (const name of privileges?.split(', ') ?? []) held.add(name);
  }
  if (held.has('ALL PRIVILEGES')) return [];
  return needed.filter((name) => !held.has(name));
}

/** Throws `account-lacks-privilege`, with the statement that mends it. */
export async function assertPrivileges(connection: Connection, wish: PrivilegeWish = {}): Promise<void> {
  const missing = missingPrivileges(await queryLines(connection, 'SHOW GRANTS'), privilegesFor(wish));
  if (missing.length === 0) return;
  const [row] = await query(connection, "SELECT JSON_OBJECT('account', CURRENT_USER())", Account);
  const [, user = '', from = ''] = /^(.*)@(.*)$/s.exec(row?.account ?? '') ?? [];
  const account = `${quoteString(user)}@${quoteString(from)}`;
  throw new CoffreError(
    'account-lacks-privilege',
    `cannot back up with the account ${account}: it lacks ${missing.join(', ')} on *.*`,
    {
      hint: `run as an administrator${wish.replicaOf ? ` on ${wish.replicaOf}` : ''}: GRANT ${missing.join(', ')} ON *.* TO ${account};`,
      findings: missing,
    },
  );
}

const Account = z.object({ account: z.string() });
