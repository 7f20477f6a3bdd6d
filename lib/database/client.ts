import type { ZodType } from 'zod';
import { CoffreError } from '../model/error.ts';
import { run } from '../system/command.ts';
import { requireProgram } from '../system/programs.ts';
import { clientFailure } from './client-failure.ts';
import { type Connection, clientArguments, clientUser, describeServer, sessionSettings } from './connection.ts';

/** Asks a server and returns typed rows. The SQL MUST emit one `JSON_OBJECT(…)` a row, so that any name gets through. */
export type Ask = <Row>(sql: string, row: ZodType<Row>) => Promise<Row[]>;

const MACHINE = [
  '--batch',
  '--skip-column-names',
  '--skip-reconnect',
  '--connect-timeout=15',
  '--default-character-set=utf8mb4',
] as const;

/**
 * A server can give its sessions fewer rows than there are, and say nothing. What it would have given is kept in a
 * variable, because the dump program has no way to ask for all of them.
 */
const ALL_ROWS = '18446744073709551615';
const SETTINGS = `sql_mode='', @coffre_select_limit=@@sql_select_limit, sql_select_limit=${ALL_ROWS}, sql_big_selects=1`;

/** Whether the server gives fewer rows to a session that has not asked for all: SQL, for a machine's session. */
export const CUTS_ROWS = `IF(@coffre_select_limit < ${ALL_ROWS}, 1, 0)`;

/** Arguments that make the client a machine's tool: one row a line, nothing escaped, nothing cut, no second try. */
export async function machineArguments(connection: Connection): Promise<readonly string[]> {
  return [...(await clientArguments(connection)), ...MACHINE, sessionSettings(connection, SETTINGS)];
}

const TIMEOUT_MS = 10 * 60 * 1000;

/** One question on a connection of its own. */
export async function query<Row>(connection: Connection, sql: string, row: ZodType<Row>): Promise<Row[]> {
  return parseRows(await output(connection, sql, ['--raw']), row);
}

/** Runs statements that answer nothing. */
export async function execute(connection: Connection, sql: string): Promise<void> {
  await output(connection, sql, []);
}

/** The lines that a SHOW statement prints, escaped by the client so that no value can forge a line. */
export async function queryLines(connection: Connection, sql: string): Promise<string[]> {
  return (await output(connection, sql, [])).split('\n').filter((line) => line !== '');
}

/**
 * The rows of a SHOW statement by the names of its columns, which differ between versions of the server. NULL comes as
 * the text `NULL`. Without rows there is nothing, not even names.
 */
export async function queryRecords(connection: Connection, sql: string): Promise<ReadonlyMap<string, string>[]> {
  const lines = (await output(connection, sql, ['--column-names'])).split('\n').filter((line) => line !== '');
  const [names = [], ...rows] = lines.map((line) => line.split('\t').map(unescapeField));
  return rows.map((row) => new Map(names.map((name, index) => [name, row[index] ?? ''])));
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', '0': '\0', '\\': '\\' };

/** A field of the lines above as the server gave it: undoes what the client does in its batch mode. */
export function unescapeField(field: string): string {
  return field.replace(/\\([nt0\\])/g, (_, sign: string) => ESCAPED[sign] ?? sign);
}

export function parseRows<Row>(text: string, row: ZodType<Row>): Row[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => row.parse(jsonOf(line)));
}

/** Not by the parser's own words, which repeat what they could not read. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new CoffreError('unexpected', "cannot read the database's answer: a line of it is no JSON", {
      hint: 'look whether an option file of the client changes what it prints',
    });
  }
}

async function output(connection: Connection, sql: string, extra: readonly string[]): Promise<string> {
  const program = requireProgram('mariadb');
  const args = [...(await machineArguments(connection)), ...extra];
  const ended = await run(program, args, {
    input: sql,
    timeoutMs: TIMEOUT_MS,
    as: await clientUser(connection),
  });
  if (ended.exitCode !== 0) throw clientFailure(`ask ${describeServer(connection)}`, connection, ended);
  return ended.stdout;
}
