import type { Piece } from '../archive/piece.ts';
import type { Connection } from '../database/connection.ts';
import { asCoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import { compareAccounts, type KeptLogin } from './compare-accounts.ts';

/** What became of the accounts, in sentences. */
export interface AccountsRestored {
  readonly differences: readonly string[];
  /** What nobody can tell. */
  readonly undecided: readonly string[];
  /** Accounts that log in here in another way than in the backup, as they were meant to. */
  readonly keptLogins: readonly string[];
}

interface Context {
  readonly target: Connection;
  readonly emit: Emit;
  readonly keptLogins?: readonly string[] | undefined;
}

/**
 * Compares the accounts that were loaded with those of the backup. Who may load accounts need not be allowed to read all of them;
 * and another version, which is what `other` says, may write them in another way: then nobody can tell.
 */
export async function accountsRestored(
  expected: AsyncIterable<Piece>,
  other: string | null,
  { target, emit, keptLogins }: Context,
): Promise<AccountsRestored> {
  const tell = (text: string, hint: string) => emit({ kind: 'warning', subject: 'accounts', text, hint });
  try {
    const { differences, kept } = await compareAccounts(expected, target, keptLogins);
    const sentences = kept.map(sentenceOf);
    for (const [index, { isOpen, name }] of kept.entries()) {
      const text = sentences[index] ?? '';
      if (isOpen) tell(text, `give it one: ALTER USER ${name} IDENTIFIED BY '…';`);
      else emit({ kind: 'note', subject: 'accounts', text });
    }
    if (differences.length === 0 || other === null) return { differences, undecided: [], keptLogins: sentences };
    const text = `cannot be compared, as ${other}: ${differences.join('; ')}`;
    tell(text, 'look at what is named by hand: SHOW CREATE USER …; SHOW GRANTS FOR …');
    return { differences: [], undecided: differences, keptLogins: sentences };
  } catch (thrown) {
    const { code, message, hint } = asCoffreError(thrown);
    if (code !== 'account-lacks-privilege' && code !== 'dump-failed') throw thrown;
    const text = `cannot be compared: ${message}`;
    const lacks = 'compare with an account that may read all others: SHOW GRANTS FOR …';
    tell(text, code === 'account-lacks-privilege' ? lacks : (hint ?? lacks));
    return { differences: [], undecided: [text], keptLogins: [] };
  }
}

function sentenceOf({ name, isOpen }: KeptLogin): string {
  return isOpen
    ? `the account ${name} needs no password here, as before, and needs one in the backup`
    : `the account ${name} keeps the password, or whatever it logs in by, that it had here: the backup has another`;
}
