import type { Selection } from '../model/selection.ts';
import type { SectionKind } from './sections.ts';
import { asLatin1, fromLatin1, sqlTokens } from './sql-tokens.ts';
import type { SqlRules } from './statement-reader.ts';

const NAME = '(?:`(?:[^`]|``)*`|"(?:[^"]|"")*")';
/** A role has no host. */
const ACCOUNT = `DEFINER=(?<user>${NAME})(?:@(?<from>${NAME}))?`;
const ROLE = new RegExp(`^DEFINER=${NAME}$`);
// A view: /*!50001 CREATE ALGORITHM=… */⏎/*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */⏎/*!50001 VIEW …; of a role without breaks.
const VIEW = new RegExp(
  `^(?<create>/\\*!\\d+ CREATE (?:OR REPLACE )?ALGORITHM=\\w+ )(?:\\*/\\n/\\*!\\d+ )?${ACCOUNT} SQL SECURITY (?<security>DEFINER|INVOKER)(?: \\*/\\n/\\*!\\d+)? (?=VIEW )`,
);
// A trigger or an event: /*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER …
const COVERED = new RegExp(
  `^(?<create>/\\*!(?<version>\\d+) CREATE(?: OR REPLACE)?)\\*/ (?<clause>/\\*!\\d+ )${ACCOUNT}(?:\\*/ /\\*!\\d+)? `,
);
// A routine: CREATE DEFINER=`a`@`b` PROCEDURE …
const PLAIN = new RegExp(`^(?<create>(?:/\\*!\\d+ )?CREATE (?:OR REPLACE )?)${ACCOUNT} `);

const PATTERNS: Readonly<Partial<Record<SectionKind, readonly RegExp[]>>> = {
  view: [VIEW],
  table: [COVERED, PLAIN],
  triggers: [COVERED, PLAIN],
  events: [COVERED, PLAIN],
  routines: [PLAIN],
};

/**
 * The statement that makes a view, routine, trigger or event with another definer, as mariadb-dump would write it then;
 * any other one as it is. `statement` is latin1. For `invoker` the clause is taken out, so that whoever loads it is the
 * definer, and views and routines get the invoker's rights; triggers and events have no such choice.
 */
export function withDefiner(
  statement: string,
  section: SectionKind,
  rules: SqlRules,
  definer: Selection['definer'],
): string {
  if (definer.kind === 'keep') return statement;
  for (const pattern of PATTERNS[section] ?? []) {
    const found = pattern.exec(statement);
    if (!found?.groups) continue;
    const { create = '', version, clause = '', user = '', from, security } = found.groups;
    const rest = statement.slice(found[0].length);
    const account = definer.kind === 'map' ? mapped(user, from, definer.accounts) : '';
    if (account === undefined) return statement;
    if (security !== undefined) return `${create}${viewClause(account, security)}${rest}`;
    if (version !== undefined)
      return `${create}*/ ${account === '' ? '' : `${clause}${account}*/ `}/*!${version} ${rest}`;
    return account === '' ? withInvokersRights(`${create}${rest}`, rules) : `${create}${account} ${rest}`;
  }
  return statement;
}

/** The dump program looks for a user and a host: what a role has made it leaves as it is. */
function viewClause(account: string, security: string): string {
  const isRole = ROLE.test(account);
  const words = account === '' ? 'SQL SECURITY INVOKER' : `${account} SQL SECURITY ${security}`;
  return isRole ? `${words} ` : `*/\n/*!50013 ${words} */\n/*!50001 `;
}

/** An account as `user@host`, a role as `role`; undefined for one that keeps its definer. */
function mapped(user: string, from: string | undefined, accounts: ReadonlyMap<string, string>): string | undefined {
  const quote = user.charAt(0);
  const plain = (name: string) => fromLatin1(name.slice(1, -1).replaceAll(quote + quote, quote));
  const other = accounts.get(from === undefined ? plain(user) : `${plain(user)}@${plain(from)}`);
  if (other === undefined) return undefined;
  const quoted = (name: string) => `${quote}${asLatin1(name).replaceAll(quote, quote + quote)}${quote}`;
  const at = other.lastIndexOf('@');
  return `DEFINER=${at < 0 ? quoted(other) : `${quoted(other.slice(0, at))}@${quoted(other.slice(at + 1))}`}`;
}

/** What stands before it among the characteristics of a routine, in the server's own order and writing. */
const BEFORE_SECURITY = /(?: {4}(?:NO SQL|READS SQL DATA|MODIFIES SQL DATA)\n)?(?: {4}DETERMINISTIC\n)?/y;
const SECURITY = '    SQL SECURITY INVOKER\n';

/** A routine that runs with the rights of whoever calls it; as it is where that cannot be told. */
function withInvokersRights(statement: string, rules: SqlRules): string {
  const head = routineHead(statement, rules);
  if (head === undefined) return statement;
  BEFORE_SECURITY.lastIndex = head;
  BEFORE_SECURITY.test(statement);
  const at = Math.max(head, BEFORE_SECURITY.lastIndex);
  if (statement.startsWith(SECURITY, at)) return statement;
  return statement.slice(0, at) + SECURITY + statement.slice(at);
}

/** The offset of a routine's characteristics: behind its parameters and the type that it returns, or a package's name. */
function routineHead(statement: string, rules: SqlRules): number | undefined {
  let depth = 0;
  let isPackage = false;
  let closed: number | undefined;
  for (const { kind, value, from, to } of sqlTokens(statement, rules)) {
    if (depth === 0 && closed === undefined && kind === 'word' && value.toUpperCase() === 'PACKAGE') isPackage = true;
    if (isPackage && kind === 'name') return to;
    if (closed !== undefined) {
      // The server ends the line behind the parameters, or behind the type, which may hold strings.
      const lineEnd = statement.slice(closed, from).indexOf('\n');
      if (lineEnd >= 0) return closed + lineEnd + 1;
      closed = to;
    } else if (value === '(' && kind === 'sign') depth += 1;
    else if (value === ')' && kind === 'sign') {
      depth -= 1;
      if (depth === 0) closed = to;
    }
  }
  return undefined;
}
