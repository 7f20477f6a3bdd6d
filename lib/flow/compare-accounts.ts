import * as z from 'zod';
import { type AccountContent, type Grants, readAccountContent } from '../archive/account-content.ts';
import { DumpReader } from '../archive/dump-reader.ts';
import type { Piece } from '../archive/piece.ts';
import { query } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { dumpAccounts } from '../database/dump-database.ts';
import { readServerVersion } from '../database/inspect-server.ts';
import { readPublicGrants, withPublicGrants } from '../database/public-grants.ts';

export interface AccountComparison {
  /** A sentence for each account that is missing, or has another password, and for each grant that is missing. */
  readonly differences: readonly string[];
  /** Of those that were to keep how they log in, each that the backup has another way for. */
  readonly kept: readonly KeptLogin[];
}

export interface KeptLogin {
  /** As SQL. */
  readonly name: string;
  /** Whether it needs no password here, and one in the backup. */
  readonly isOpen: boolean;
}

/**
 * Compares accounts, roles and grants with those of a backup that have been loaded. What the server has beside them stays, and
 * is no difference; nor is a grant on what is not there, nor how an account of `keptLogins` logs in.
 */
export async function compareAccounts(
  expected: AsyncIterable<Piece>,
  target: Connection,
  keptLogins: readonly string[] = [],
): Promise<AccountComparison> {
  const wanted = await readAccountContent(expected);
  const found = await readAccountContent(accountsOf(target));
  const isKept = (name: string) => keptLogins.includes(name) && found.logins.has(name);
  const kept = [...wanted.logins]
    .filter(([name, login]) => isKept(name) && found.logins.get(name) !== login)
    .map(([name]) => ({ name, isOpen: found.logins.get(name) === '' }));
  const logins = [...wanted.logins].flatMap(([name, login]) =>
    isKept(name) ? [] : differentLogin(name, login, found),
  );
  const lacking = [...wanted.grants.entries()].flatMap(([key, grants]) => {
    const privileges = lacks(grants, found.grants.get(key));
    const isKnown = grants.grantee === 'PUBLIC' || found.logins.has(grants.grantee);
    return privileges.length > 0 && isKnown ? [{ ...grants, privileges }] : [];
  });
  const there = lacking.length === 0 ? new Set<string>() : await readObjects(target);
  const grants = lacking
    .filter(({ object, privileges }) => isThere(object, privileges, there))
    .map(({ grantee, object, privileges }) => {
      const where = object === '' ? '' : ` on ${object}`;
      return `${grantee} lacks ${[...privileges].sort().join(', ')}${where}`;
    });
  return { differences: [...logins, ...grants], kept };
}

async function* accountsOf(target: Connection): AsyncGenerator<Piece, void, undefined> {
  const reader = new DumpReader();
  const grants = await readPublicGrants(target, await readServerVersion(target));
  for await (const chunk of withPublicGrants(await dumpAccounts(target), grants)) yield* reader.push(chunk);
  yield* reader.end();
}

function differentLogin(name: string, login: string | null, { logins }: AccountContent): readonly string[] {
  const found = logins.get(name);
  if (found === undefined) return [`the ${login === null ? 'role' : 'account'} ${name} is missing`];
  return found === login ? [] : [`the account ${name} has another password, or another way to log in`];
}

function lacks({ privileges }: Grants, found: Grants | undefined): readonly string[] {
  const has = (privilege: string) =>
    found?.privileges.has(privilege) ||
    (found?.privileges.has('ALL PRIVILEGES') && privilege !== 'GRANT OPTION') ||
    // A privilege on all of it covers each column.
    found?.privileges.has(privilege.replace(/ \(.*\)$/s, ''));
  return [...privileges].filter((privilege) => !has(privilege));
}

const Row = z.object({ name: z.string() });

/** Tables, columns and routines, as SQL without what kind of a thing it is. */
async function readObjects(target: Connection): Promise<ReadonlySet<string>> {
  const quoted = (column: string) => `CONCAT('\`', REPLACE(${column}, '\`', '\`\`'), '\`')`;
  const pair = (a: string, b: string) => `CONCAT(${quoted(a)}, '.', ${quoted(b)})`;
  const rows = await query(
    target,
    `SELECT JSON_OBJECT('name', ${pair('TABLE_SCHEMA', 'TABLE_NAME')}) FROM information_schema.TABLES
     UNION ALL SELECT JSON_OBJECT('name', ${pair('ROUTINE_SCHEMA', 'ROUTINE_NAME')}) FROM information_schema.ROUTINES
     UNION ALL SELECT JSON_OBJECT('name', CONCAT(${pair('TABLE_SCHEMA', 'TABLE_NAME')}, ' ', ${quoted('COLUMN_NAME')}))
       FROM information_schema.COLUMNS`,
    Row,
  );
  return new Set(rows.map(({ name }) => name));
}

/** A server refuses a grant on what it does not have, all of it where one of its columns is missing: that has been told. */
function isThere(object: string, privileges: readonly string[], there: ReadonlySet<string>): boolean {
  const name = object.replace(/^(?:PROCEDURE|FUNCTION|PACKAGE BODY|PACKAGE) /, '');
  if (object === '' || object.startsWith('@') || name.endsWith('.*') || !name.includes('`.`')) return true;
  if (!there.has(name)) return false;
  return privileges.every((privilege) => {
    const column = / \((`.*`)\)$/s.exec(privilege)?.[1];
    return column === undefined || there.has(`${name} ${column}`);
  });
}
