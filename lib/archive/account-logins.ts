import type { Bytes } from '../model/stages.ts';
import { accountAt, loginRange } from './account-content.ts';
import { fromLatin1, sqlTokens } from './sql-tokens.ts';
import { type DumpPart, StatementReader } from './statement-reader.ts';

/** What a dump of the accounts does to accounts that the server has already. Names as SQL: `` `app`@`%` ``. */
export interface LoginChanges {
  /** They keep their own way to log in, whatever the dump says of it. Their grants come all the same. */
  readonly kept: ReadonlySet<string>;
  /** They lose it where the dump has none for them, which by itself it does not take away. */
  readonly emptied: ReadonlySet<string>;
}

const RULES = { backslashEscapes: true, ansiQuotes: false };
const ENDS = /\s*(?:\*\/)?\s*;$/;

/**
 * The dump of the accounts, as it is but for how those accounts log in: the dump program writes that into the first GRANT of each
 * too, which sets it for an account that is there.
 */
export async function* withLogins(dump: Bytes, changes: LoginChanges): Bytes {
  const reader = new StatementReader();
  for await (const chunk of dump) for (const part of reader.push(chunk)) yield changed(part, changes);
  for (const part of reader.flush()) yield changed(part, changes);
}

function changed(part: DumpPart, { kept, emptied }: LoginChanges): Buffer {
  if (part.kind !== 'statement') return part.bytes;
  const statement = part.bytes.toString('latin1');
  if (!/^(?:GRANT|CREATE USER) /.test(statement)) return part.bytes;
  const sql = statement.replace(ENDS, '');
  const tokens = [...sqlTokens(sql, RULES)];
  const isGrant = statement.startsWith('GRANT ');
  const to = tokens.findIndex(({ kind, value }) => kind === 'word' && value === 'TO');
  const at = isGrant ? to + 1 : tokens[2]?.value === 'IF' ? 5 : 2;
  if (at === 0) return part.bytes;
  const account = accountAt(sql, tokens, at);
  const name = fromLatin1(account.name);
  const login = loginRange(tokens, account.to);
  if (isGrant && kept.has(name) && login) {
    const rest = sql.slice(login.to).trimStart();
    const without = `${sql.slice(0, login.from).trimEnd()}${rest === '' ? '' : ` ${rest}`}`;
    return Buffer.from(`${without}${statement.slice(sql.length)}`, 'latin1');
  }
  if (!isGrant && emptied.has(name) && !kept.has(name) && !login) {
    const written = sql.slice(tokens[at]?.from, tokens[account.to - 1]?.to);
    return Buffer.from(`${statement}\nALTER USER ${written} IDENTIFIED BY '';`, 'latin1');
  }
  return part.bytes;
}
