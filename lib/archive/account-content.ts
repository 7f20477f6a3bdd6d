import type { Piece } from './piece.ts';
import { fromLatin1, type SqlToken, sqlTokens } from './sql-tokens.ts';
import { StatementReader } from './statement-reader.ts';

/** What the dump of the accounts makes. Names stand as SQL: `` `app`@`%` ``. Holds hashes of passwords: MUST NOT be shown. */
export interface AccountContent {
  /** How each account proves who it is; null for a role. */
  readonly logins: ReadonlyMap<string, string | null>;
  /** By grantee and object: privileges, columns each on their own, and `GRANT OPTION`; and the roles. */
  readonly grants: ReadonlyMap<string, Grants>;
}

export interface Grants {
  readonly grantee: string;
  /** Such as `` `shop`.`orders` `` or `` PROCEDURE `shop`.`p` ``; empty for roles. */
  readonly object: string;
  readonly privileges: ReadonlySet<string>;
}

const RULES = { backslashEscapes: true, ansiQuotes: false };
/** Of a statement, inside of a conditional comment or not. */
const ENDS = /\s*(?:\*\/)?\s*;$/;
/** The dump program makes and drops it, to be allowed to make roles. */
const HELPER = 'mariadb_dump_import_role';

/** Reads the dump of the accounts. */
export async function readAccountContent(pieces: AsyncIterable<Piece>): Promise<AccountContent> {
  const reader = new StatementReader();
  const logins = new Map<string, string | null>();
  const grants = new Map<string, { grantee: string; object: string; privileges: Set<string> }>();
  const add = ({ grantee, object, privileges }: Grants) => {
    const key = `${grantee} ${object}`;
    const known = grants.get(key) ?? { grantee, object, privileges: new Set() };
    for (const privilege of privileges) known.privileges.add(privilege);
    grants.set(key, known);
  };
  const take = (statement: string) => {
    const sql = statement.replace(ENDS, '');
    const tokens = [...sqlTokens(sql, RULES)];
    const [verb, what] = tokens.map(({ value }) => value);
    if (verb === 'CREATE' && (what === 'USER' || what === 'ROLE')) {
      const at = tokens[2]?.value === 'IF' ? 5 : 2;
      const { name, to } = accountAt(sql, tokens, at);
      if (what === 'USER') logins.set(name, identification(sql, tokens.slice(to)));
      else if (tokens[at]?.value !== HELPER) logins.set(name, null);
    } else if (verb === 'GRANT' && what !== HELPER) {
      for (const each of grantsIn(sql, tokens)) add(each);
    } else if (/^(?:\/\*M?!\d+ )?SET DEFAULT ROLE ['`]/.test(sql)) {
      const role = accountAt(sql, tokens, 3);
      const { name: grantee } = accountAt(sql, tokens, role.to + 1);
      add({ grantee, object: '', privileges: new Set([`the default role ${role.name}`]) });
    }
  };
  for await (const piece of pieces) {
    for (const part of reader.push(piece.bytes)) {
      if (part.kind === 'statement') take(fromLatin1(part.bytes.toString('latin1')));
    }
  }
  for (const part of reader.flush()) if (part.kind === 'statement') take(part.bytes.toString());
  return { logins, grants };
}

/** The account or role at a token, in backticks whatever quotes it has, and the token behind it. */
export function accountAt(
  sql: string,
  tokens: readonly SqlToken[],
  at: number,
): { readonly name: string; readonly to: number } {
  const quoted = (token: SqlToken | undefined) => {
    const text = token?.kind === 'string' ? token.value.replace(/\\(.)/gs, '$1') : (token?.value ?? '');
    return `\`${text.replaceAll('`', '``')}\``;
  };
  const user = tokens[at];
  if (user?.kind === 'word') return { name: user.value, to: at + 1 };
  const isAccount = user && sql.charAt(user.to) === '@';
  return isAccount
    ? { name: `${quoted(user)}@${quoted(tokens[at + 2])}`, to: at + 3 }
    : { name: quoted(user), to: at + 1 };
}

/** What stands behind IDENTIFIED, up to the limits. */
function identification(sql: string, tokens: readonly SqlToken[]): string {
  const login = loginRange(tokens, 0);
  return login ? sql.slice(login.from, login.to) : '';
}

/** Where in a statement is how the account logs in, from its token `at` on; undefined where nothing is said of it. */
export function loginRange(
  tokens: readonly SqlToken[],
  at: number,
): { readonly from: number; readonly to: number } | undefined {
  const first = tokens.findIndex(({ kind, value }, index) => index >= at && kind === 'word' && value === 'IDENTIFIED');
  const from = tokens[first]?.from;
  if (from === undefined) return undefined;
  const words = ['REQUIRE', 'WITH', 'ACCOUNT', 'PASSWORD'];
  const next = tokens.findIndex(
    ({ kind, value }, index) => index > first + 2 && kind === 'word' && words.includes(value),
  );
  return { from, to: tokens[next < 0 ? tokens.length - 1 : next - 1]?.to ?? from };
}

function grantsIn(sql: string, tokens: readonly SqlToken[]): readonly Grants[] {
  const wordAt = (word: string) => tokens.findIndex(({ kind, value }) => kind === 'word' && value === word);
  const to = wordAt('TO');
  if (to < 0) return [];
  const on = wordAt('ON');
  const isRole = on < 0 || on > to;
  const { name: grantee, to: rest } = accountAt(sql, tokens, to + 1);
  // Servers of one release series differ in how they quote the account of a proxy.
  const isProxy = tokens[1]?.value === 'PROXY';
  const written = () =>
    isProxy ? accountAt(sql, tokens, on + 1).name : sql.slice(tokens[on + 1]?.from, tokens[to - 1]?.to);
  const object = isRole ? '' : written();
  const privileges = new Set(
    isRole
      ? [`the role ${accountAt(sql, tokens, 1).name}`]
      : privilegesIn(tokens.slice(1, on)).filter((each) => each !== 'USAGE'),
  );
  const words = tokens.slice(rest).flatMap(({ kind, value }) => (kind === 'word' ? [value] : []));
  const option = words.indexOf('OPTION');
  if (option > 0) privileges.add(isRole ? `ADMIN OPTION on ${[...privileges]}` : 'GRANT OPTION');
  return privileges.size === 0 ? [] : [{ grantee, object, privileges }];
}

/** ``SELECT (`a`, `b`), CREATE VIEW`` is three. */
function privilegesIn(tokens: readonly SqlToken[]): readonly string[] {
  const found: string[] = [];
  let words: string[] = [];
  let hasColumns = false;
  for (const { kind, value } of tokens) {
    if (kind === 'word') words.push(value);
    else if (kind === 'name') {
      found.push(`${words.join(' ')} (\`${value.replaceAll('`', '``')}\`)`);
      hasColumns = true;
    } else if (value === ')' || (value === ',' && !hasColumns)) {
      if (!hasColumns && words.length > 0) found.push(words.join(' '));
      if (!hasColumns || value === ')') words = [];
      hasColumns = false;
    }
  }
  return words.length > 0 && !hasColumns ? [...found, words.join(' ')] : found;
}
