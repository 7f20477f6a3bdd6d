import type { AccountOrder, Privilege } from '../model/account-order.ts';
import { describeGrant, type Grant, globalPrivileges, revokeStatements } from './account-grants.ts';
import { sqlAccount } from './account-name.ts';
import type { ServerAccount } from './read-account.ts';
import { quoteString } from './sql-text.ts';

/** An order whose password may not be made yet: then it differs from whatever the server has. */
export type WantedAccount = AccountOrder | (Omit<AccountOrder & { login: 'password' }, 'hash'> & { hash: null });

export interface AccountPlan {
  readonly action: 'create' | 'change' | 'remove';
  readonly lines: readonly string[];
  /** Carried out one by one; killed after any of them, the next plan holds what is left. */
  readonly statements: readonly string[];
}

const NOTHING_ELSE =
  'WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS 0 ' +
  'MAX_STATEMENT_TIME 0 ACCOUNT UNLOCK PASSWORD EXPIRE NEVER';

/**
 * What other hosts that share an account may need of it, and one of them does not. The account has what any of them needs:
 * otherwise each would take away what the other was given, at every provisioning, and the other's nights would fail.
 */
export const OTHERS_MAY_NEED: readonly Privilege[] = ['SLAVE MONITOR', 'REPLICATION SLAVE ADMIN', 'LOCK TABLES'];

/**
 * What makes of the account that the server has the one that is wanted; undefined when it is that. `tolerated` are
 * privileges that it may have besides.
 */
export function planAccount(
  wanted: WantedAccount,
  actual: ServerAccount | undefined,
  tolerated: readonly Privilege[] = [],
): AccountPlan | undefined {
  const account = sqlAccount(wanted);
  if (wanted.want === 'absent') {
    if (!actual) return undefined;
    const lines = [
      `-${describeLogin(actual)}`,
      ...actual.grants.filter(says).map((grant) => `-${describeGrant(grant)}`),
    ];
    return { action: 'remove', lines, statements: [`DROP USER ${account}`] };
  }
  const [verb, action] = actual ? (['ALTER', 'change'] as const) : (['CREATE', 'create'] as const);
  const definition = definitionChanges(wanted, actual);
  const extra = (actual?.grants ?? []).flatMap((grant) => extraOf(grant, [...wanted.privileges, ...tolerated]));
  const held = new Set((actual?.grants ?? []).flatMap((grant) => globalPrivileges(grant) ?? []));
  // Revoking ALL PRIVILEGES takes away what is needed, too.
  const missing = wanted.privileges.filter((name) => !held.has(name));
  const lines = [
    ...definition,
    ...extra.map((grant) => `-${describeGrant(grant)}`),
    ...(missing.length > 0 ? [`+GRANT ${missing.join(', ')} ON *.*`] : []),
  ];
  if (lines.length === 0) return undefined;
  const require = wanted.tls ? 'REQUIRE SSL' : 'REQUIRE NONE';
  const statements = [
    ...(definition.length > 0
      ? [`${verb} USER ${account} IDENTIFIED VIA ${via(wanted)} ${require} ${NOTHING_ELSE}`]
      : []),
    ...extra.flatMap((grant) => revokeStatements(grant, account)),
    ...(missing.length > 0 ? [`GRANT ${missing.join(', ')} ON *.* TO ${account}`] : []),
  ];
  return { action, lines, statements };
}

/** The part of a grant that is too much, as a grant of its own. */
function extraOf(grant: Grant, needed: readonly string[]): Grant[] {
  const privileges = globalPrivileges(grant);
  if (!privileges || grant.kind !== 'grant') return says(grant) ? [grant] : [];
  const extra = privileges.filter((name) => !needed.includes(name));
  if (extra.length === 0 && grant.option === null) return [];
  return [{ kind: 'grant', what: `${extra.join(', ') || 'USAGE'} ON *.*`, option: grant.option }];
}

/** Whether a grant grants anything: every account has USAGE. */
function says(grant: Grant): boolean {
  return grant.kind !== 'grant' || grant.option !== null || !grant.what.startsWith('USAGE ON ');
}

function definitionChanges(wanted: WantedAccount, actual: ServerAccount | undefined): string[] {
  const wantedAttributes = [...(wanted.tls ? ['REQUIRE SSL'] : []), 'PASSWORD EXPIRE NEVER'];
  const attributes = actual?.attributes ?? [];
  const login =
    wanted.login === 'password'
      ? 'IDENTIFIED VIA mysql_native_password (the password of the option file)'
      : 'IDENTIFIED VIA unix_socket';
  return [
    ...(actual && isLogin(wanted, actual) ? [] : [...(actual ? [`-${describeLogin(actual)}`] : []), `+${login}`]),
    ...attributes.filter((each) => !wantedAttributes.includes(each)).map((each) => `-${each}`),
    ...wantedAttributes.filter((each) => !attributes.includes(each)).map((each) => `+${each}`),
  ];
}

/** Whether the account lets in whoever is wanted, and nobody else. */
export function isLogin(wanted: WantedAccount, { plugin, authentication, severalLogins }: ServerAccount): boolean {
  if (severalLogins) return false;
  if (wanted.login === 'unix_socket') return plugin === 'unix_socket' && authentication === '';
  return plugin === 'mysql_native_password' && wanted.hash !== null && authentication === wanted.hash;
}

function describeLogin({ plugin, authentication, severalLogins }: ServerAccount): string {
  const secret = authentication === '' ? 'no password' : 'a password';
  const more = severalLogins ? ', and others' : '';
  const detail = plugin === 'unix_socket' && authentication === '' ? '' : ` (${secret}${more})`;
  return `IDENTIFIED VIA ${plugin || 'the default'}${detail}`;
}

function via(wanted: WantedAccount): string {
  if (wanted.login === 'unix_socket') return 'unix_socket';
  return `mysql_native_password USING ${quoteString(wanted.hash ?? '')}`;
}
