import { oneLine } from './account-name.ts';
import { unescapeField } from './client.ts';

/** One line of `SHOW GRANTS` without the account and its password. */
export type Grant =
  /** `what` reads as in the statement: "SELECT (`a`), INSERT ON `shop`.`orders`", "PROXY ON …", "`a role`". */
  | { readonly kind: 'grant'; readonly what: string; readonly option: 'grant' | 'admin' | null }
  | { readonly kind: 'default-role'; readonly role: string };

/** Splits `text` where `separator` stands outside of names in backticks. */
function splitOutsideNames(text: string, separator: string): [string, string] | undefined {
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '`') quoted = !quoted;
    if (!quoted && text.startsWith(separator, index))
      return [text.slice(0, index), text.slice(index + separator.length)];
  }
  return undefined;
}

/**
 * The grants of an account from the lines of `SHOW GRANTS FOR`, as `queryLines` gives them. A line also holds the hash
 * of the password: that, and whatever else is not a grant, stays behind. Names stand as the server quotes them, so that
 * they can be used in a statement again.
 */
export function parseGrants(lines: readonly string[]): readonly Grant[] {
  return lines.flatMap((line): Grant[] => {
    const text = unescapeField(line);
    const role = /^SET DEFAULT ROLE ([\s\S]+) FOR `/.exec(text)?.[1];
    if (role !== undefined) return [{ kind: 'default-role', role }];
    const [what = '', rest = ''] = splitOutsideNames(text.replace(/^GRANT /, ''), ' TO ') ?? [];
    const words = rest.replace(/`(?:[^`]|``)*`|'(?:[^'\\]|\\[\s\S]|'')*'/g, '');
    const option = / WITH GRANT OPTION\b/.test(words) ? 'grant' : / WITH ADMIN OPTION\b/.test(words) ? 'admin' : null;
    return [{ kind: 'grant', what, option }];
  });
}

/** A grant in the words of a plan. */
export function describeGrant(grant: Grant): string {
  if (grant.kind === 'default-role') return `DEFAULT ROLE ${oneLine(grant.role)}`;
  const option = grant.option === null ? '' : ` WITH ${grant.option.toUpperCase()} OPTION`;
  return `GRANT ${oneLine(grant.what)}${option}`;
}

/** The statements that take a grant away. `account` is SQL. */
export function revokeStatements(grant: Grant, account: string): readonly string[] {
  if (grant.kind === 'default-role') return [`SET DEFAULT ROLE NONE FOR ${account}`];
  const { what, option } = grant;
  const [privileges, object] = splitOutsideNames(what, ' ON ') ?? [what, undefined];
  if (object === undefined || privileges === 'PROXY') return [`REVOKE ${what} FROM ${account}`];
  return [
    ...(option === 'grant' ? [`REVOKE GRANT OPTION ON ${object} FROM ${account}`] : []),
    ...(privileges === 'USAGE' ? [] : [`REVOKE ${what} FROM ${account}`]),
  ];
}

/** The privileges on everything of a grant: undefined when it is on something else. */
export function globalPrivileges(grant: Grant): readonly string[] | undefined {
  if (grant.kind !== 'grant') return undefined;
  const privileges = /^([A-Z ,]+) ON \*\.\*$/.exec(grant.what)?.[1];
  return privileges?.split(', ').filter((name) => name !== 'USAGE');
}
