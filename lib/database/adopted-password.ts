import type { Change, Remark } from '../model/plan.ts';
import { quotePosix } from '../system/command.ts';
import { accountName } from './account-name.ts';
import { isMadePassword } from './account-option-file.ts';
import { type AccountHost, readAccountOptions } from './account-options.ts';

/**
 * What to know of a password that somebody wrote into the option file, where `changes` bring the account to it: it stays, and
 * whoever wrote it knows it. Undefined for one that was made here.
 */
export async function adoptedPasswordRemark(
  host: AccountHost,
  changes: readonly Change[],
): Promise<Remark | undefined> {
  const { account, optionFile } = host.database;
  const name = accountName(account);
  if (!changes.some((change) => change.kind === 'account' && change.name === name)) return undefined;
  const { password } = await readAccountOptions(host);
  if (password === null || isMadePassword(password)) return undefined;
  return {
    text: `the password in ${optionFile} was not made here, and becomes that of ${name}: whoever wrote it there knows it`,
    hint: `for a random one that nobody has seen: rm ${quotePosix(optionFile)}; and provision this host again`,
  };
}
