import { CoffreError } from '../model/error.ts';
import { type AccountId, accountName } from './account-name.ts';
import type { AccountRecord } from './account-record.ts';
import { isAdministrator, type ServerAccount } from './read-account.ts';

/** Accounts that a server or its package cannot do without. */
const RESERVED: ReadonlySet<string> = new Set(['root', 'mysql', 'mariadb.sys', 'debian-sys-maint', 'PUBLIC']);

/**
 * Throws `refused` for an account that is not to be made, changed or dropped whatever it looks like: the server's own
 * ones, and the one that is `asking`.
 */
export function assertNotReserved(asking: string, id: AccountId): void {
  if (!RESERVED.has(id.user) && asking !== `${id.user}@${id.from}`) return;
  throw new CoffreError(
    'refused',
    `cannot take backups with the account ${accountName(id)}: it is an administrator's`,
    {
      hint: 'name an account of its own in database.account',
    },
  );
}

/** By what a host may know an account as its own. */
export interface Ownership {
  readonly login: 'password' | 'unix_socket';
  /** Hashes of the passwords that the host's option file has, or had. */
  readonly hashes: readonly string[];
  readonly record: AccountRecord | undefined;
}

/**
 * Throws `refused` for an account that this host did not make: it may be somebody's, with the same name by chance. It is
 * ours when a record says so, when its password is that of our option file, or, for a login without a password, when
 * it has none. An administrator's account is ours by a record alone: one that is let in by the same means proves nothing.
 */
export function assertOurs(id: AccountId, actual: ServerAccount, ownership: Ownership): void {
  if (isOurs(actual, ownership)) return;
  throw new CoffreError('refused', `cannot take over the account ${accountName(id)}: it was not made by this host`, {
    hint: 'drop it, or name another in database.account, or write its password into the file of database.optionFile',
  });
}

export function isOurs(actual: ServerAccount, { login, hashes, record }: Ownership): boolean {
  if (record?.made) return true;
  if (isAdministrator(actual) || actual.severalLogins) return false;
  if (login === 'unix_socket' && actual.plugin === 'unix_socket') return actual.authentication === '';
  const known = [...hashes, ...(record?.formerHash === undefined ? [] : [record.formerHash])];
  return actual.plugin === 'mysql_native_password' && known.includes(actual.authentication);
}
