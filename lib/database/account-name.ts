import { CoffreError } from '../model/error.ts';
import { quoteString } from './sql-text.ts';

/** Who an account is to the server. */
export interface AccountId {
  readonly user: string;
  readonly from: string;
}

/** An account in a statement. Throws `inventory` for a name with NUL, which no client program sends. */
export function sqlAccount({ user, from }: AccountId): string {
  if (!`${user}${from}`.includes('\0')) return `${quoteString(user)}@${quoteString(from)}`;
  throw new CoffreError('inventory', 'cannot name an account: there is a NUL in database.account', {
    hint: 'give it a name without control characters',
  });
}

/** An account for a person, on one line whatever its name. */
export function accountName(account: AccountId): string {
  return oneLine(sqlAccount(account));
}

/** `text` without control characters, which could forge a line or move a terminal's cursor. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (sign) => `\\x${sign.codePointAt(0)?.toString(16).padStart(2, '0')}`);
}
