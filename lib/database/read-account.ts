import * as z from 'zod';
import { type Grant, globalPrivileges, parseGrants } from './account-grants.ts';
import { type AccountId, sqlAccount } from './account-name.ts';
import { query, queryLines } from './client.ts';
import type { Connection } from './connection.ts';
import { quoteString } from './sql-text.ts';

/** An account as the server has it. */
export interface ServerAccount {
  readonly plugin: string;
  /** What the plugin compares with; for a password its hash. Never to be printed. */
  readonly authentication: string;
  /** Whether another plugin lets it in, too. */
  readonly severalLogins: boolean;
  /** What else stands in its CREATE USER, such as ACCOUNT LOCK; nothing that is the server's default. */
  readonly attributes: readonly string[];
  readonly grants: readonly Grant[];
}

/** https://mariadb.com/kb/en/mysqlglobal_priv-table/: the account's own row, in which a key that is absent has its default. */
const Privileges = z.object({
  plugin: z.string().default(''),
  authentication_string: z.string().default(''),
  auth_or: z.array(z.record(z.string(), z.unknown())).default([]),
  account_locked: z.boolean().default(false),
  password_last_changed: z.number().default(-1),
  password_lifetime: z.number().default(-1),
  ssl_type: z.number().default(0),
  max_questions: z.number().default(0),
  max_updates: z.number().default(0),
  max_connections: z.number().default(0),
  max_user_connections: z.number().default(0),
  max_statement_time: z.number().default(0),
});
type Privileges = z.infer<typeof Privileges>;

/** A server and one account of it, as it is to somebody who may make accounts there. */
export interface AccountView {
  /** The account that is asking, as `user@host`. */
  readonly asking: string;
  readonly readOnly: boolean;
  /** undefined when the server has none of that name. */
  readonly account: ServerAccount | undefined;
}

const View = z.object({ asking: z.string(), readOnly: z.string(), priv: Privileges.nullable() });

export async function readAccount(admin: Connection, id: AccountId): Promise<AccountView> {
  const [row] = await query(
    admin,
    `SELECT JSON_OBJECT('asking', CURRENT_USER(), 'readOnly', CAST(@@GLOBAL.read_only AS CHAR), 'priv', JSON_COMPACT(
       (SELECT Priv FROM mysql.global_priv
        WHERE User COLLATE utf8mb3_bin = ${quoteString(id.user)} AND LOWER(Host) = LOWER(${quoteString(id.from)}))))`,
    View,
  );
  const { asking = '', readOnly = '', priv = null } = row ?? {};
  return {
    asking,
    readOnly: !['0', 'OFF'].includes(readOnly),
    account: priv === null ? undefined : accountOf(priv, await queryLines(admin, `SHOW GRANTS FOR ${sqlAccount(id)}`)),
  };
}

function accountOf(priv: Privileges, grants: readonly string[]): ServerAccount {
  return {
    plugin: priv.plugin,
    authentication: priv.authentication_string,
    severalLogins: priv.auth_or.some((other) => Object.keys(other).length > 0), // {} stands for the one above
    attributes: attributesOf(priv),
    grants: parseGrants(grants),
  };
}

const REQUIRE = ['', 'REQUIRE SSL', 'REQUIRE X509', 'REQUIRE ISSUER, SUBJECT OR CIPHER'];

function attributesOf(priv: Privileges): string[] {
  const limits: readonly (readonly [string, number])[] = [
    ['MAX_QUERIES_PER_HOUR', priv.max_questions],
    ['MAX_UPDATES_PER_HOUR', priv.max_updates],
    ['MAX_CONNECTIONS_PER_HOUR', priv.max_connections],
    ['MAX_USER_CONNECTIONS', priv.max_user_connections],
    ['MAX_STATEMENT_TIME', priv.max_statement_time],
  ];
  return [
    REQUIRE[priv.ssl_type] ?? 'REQUIRE something',
    ...limits.map(([name, limit]) => (limit === 0 ? '' : `${name} ${limit}`)),
    priv.account_locked ? 'ACCOUNT LOCK' : '',
    priv.password_last_changed === 0 ? 'PASSWORD EXPIRE' : '',
    priv.password_lifetime === 0 ? 'PASSWORD EXPIRE NEVER' : '',
    priv.password_lifetime > 0 ? `PASSWORD EXPIRE INTERVAL ${priv.password_lifetime} DAY` : '',
  ].filter((attribute) => attribute !== '');
}

/** With any of these an account can make itself whatever it likes. */
const POWERS = ['ALL PRIVILEGES', 'SUPER', 'CREATE USER', 'SET USER'];

/** Whether it is an administrator: such an account is somebody's own. */
export function isAdministrator({ grants }: ServerAccount): boolean {
  return grants.some((grant) => {
    const privileges = globalPrivileges(grant);
    if (!privileges || grant.kind !== 'grant') return false;
    return grant.option === 'grant' || privileges.some((name) => POWERS.includes(name));
  });
}
