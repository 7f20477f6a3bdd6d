import { CoffreError, type ErrorCode } from '../model/error.ts';
import type { Ended } from '../system/command.ts';
import { type Connection, describeServer } from './connection.ts';

/** What MariaDB's error numbers mean for a backup: https://mariadb.com/kb/en/mariadb-error-codes/ */
const MEANING: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  1021: ['dump-failed', 'there is no space left on the disk of the server'],
  1036: ['dump-failed', 'a table is read-only'],
  1040: ['too-many-connections', 'the server has too many connections'],
  1044: ['account-lacks-privilege', 'the account may not use a database'],
  1045: ['database-unreachable', 'access denied for the account'],
  1049: ['dump-failed', 'a database is gone'],
  1053: ['database-unreachable', 'the server is shutting down'],
  1062: ['dump-failed', 'two rows have the same unique key'],
  1104: ['dump-failed', 'the server refuses a query of so many rows'],
  1114: ['dump-failed', 'there is no space left for a table'],
  1115: ['dump-failed', 'the server lacks a character set'],
  1118: ['dump-failed', 'a row is too large for its table'],
  1130: ['database-unreachable', 'the server does not accept this host'],
  1133: ['dump-failed', 'an account stands in the table of accounts, and the server does not know it'],
  1142: ['account-lacks-privilege', 'the account may not use a table'],
  1143: ['account-lacks-privilege', 'the account may not use a column'],
  1146: ['dump-failed', 'a table is gone'],
  1153: ['dump-failed', 'a row is larger than max_allowed_packet'],
  1158: ['database-unreachable', 'the connection broke'],
  1159: ['database-unreachable', 'the connection timed out'],
  1203: ['too-many-connections', 'the account has too many connections'],
  1205: ['lock-timeout', 'another session kept a lock for too long'],
  1226: ['too-many-connections', 'the account has come to one of its limits'],
  1227: ['account-lacks-privilege', 'the account lacks a global privilege'],
  1273: ['dump-failed', 'the server lacks a collation'],
  1286: ['dump-failed', 'the server lacks the storage engine of a table'],
  1290: ['refused', 'an option of the server forbids it'],
  1317: ['dump-failed', 'an administrator stopped the query'],
  1356: ['dump-failed', 'a view refers to something that is gone'],
  1370: ['account-lacks-privilege', 'the account may not use a routine'],
  1396: ['refused', 'the account was made or dropped meanwhile'],
  1412: ['schema-changed', 'a table was changed or emptied during the dump'],
  1418: ['dump-failed', 'the server does not trust who makes functions'],
  1419: ['dump-failed', 'the server does not trust who makes functions and triggers'],
  1449: ['dump-failed', 'a definer is not there'],
  1698: ['database-unreachable', 'access denied for the account'],
  1792: ['refused', 'the server takes no changes (tx_read_only)'],
  1927: ['database-unreachable', 'an administrator ended the connection'],
  2002: ['database-unreachable', 'nothing answers there'],
  2003: ['database-unreachable', 'nothing answers there'],
  2005: ['database-unreachable', 'the host name is unknown'],
  2006: ['database-unreachable', 'the server went away'],
  2013: ['database-unreachable', 'the server went away'],
  2020: ['dump-failed', 'a row is larger than max_allowed_packet'],
  2026: ['database-unreachable', 'the TLS connection was refused'],
  4025: ['dump-failed', 'a row fails a CHECK'],
  4145: ['lock-timeout', 'another backup holds the server'],
};

/** The number of an error that a client program has named: the cause of what it became. */
export class NamedError extends Error {
  readonly number: number;

  constructor(number: number) {
    super(`the server's error ${number}`);
    this.number = number;
  }
}

/**
 * A failed client program as an error. Its standard error holds whole statements, row data included, so that only
 * the error's number is taken from it: `ERROR 1064 (42000)`, `Got error: 1045:`, `Error 2013:`, `…' (1356)`; and of the
 * dump program's own sentence the table at whose rows it was, of the server's the name of an option. `what` completes "cannot".
 */
export function clientFailure(what: string, connection: Connection, ended: Omit<Ended, 'stdout'>): CoffreError {
  const broken = brokenOptionFile(what, connection, ended);
  if (broken) return broken;
  const number = isOutOfSpace(ended.stderr) ? OUT_OF_SPACE : errorNumber(ended.stderr);
  const table = dumpedTable(ended.stderr);
  const [code, meaning] = (number === undefined ? undefined : MEANING[number]) ?? [
    'dump-failed',
    number === undefined ? howItEnded(ended) : `the server reports error ${number}`,
  ];
  const option = number === 1290 ? forbiddingOption(ended.stderr) : undefined;
  const why =
    number === 1412 && table !== undefined
      ? meaning.replace('a table', `the table ${table}`)
      : meaning.replace(
          'an option of the server',
          option ? `the server's option ${option}` : 'an option of the server',
        );
  const ofHost = number === undefined && ended.exitCode === null;
  return new CoffreError(code, `cannot ${what}: ${why}`, {
    hint: ofHost ? KILLED : hintFor(number, code, connection),
    ...(number === undefined ? {} : { cause: new NamedError(number) }),
  });
}

/** The programs end so before they look for a server. Of what stands in the file nothing is told: it may be a password. */
function brokenOptionFile(
  what: string,
  { credentials }: Connection,
  { exitCode, stderr }: Omit<Ended, 'stdout'>,
): CoffreError | undefined {
  if (credentials.kind !== 'option-file' || exitCode === 0 || exitCode === null) return undefined;
  const { path } = credentials;
  const isUnread = /^Fatal error in defaults handling/m.test(stderr);
  if (!isUnread && !/^[a-z-]+: unknown (?:option|variable) '/m.test(stderr)) return undefined;
  const line = isUnread ? /at line:? (\d+)$/m.exec(stderr)?.[1] : undefined;
  const why = isUnread
    ? `the option file ${path} is broken${line === undefined ? '' : ` in line ${line}`}`
    : `the program does not know an option, most likely one in the option file ${path}`;
  return new CoffreError('database-unreachable', `cannot ${what}: ${why}`, {
    hint: `look at ${path}: each line is [client], an option such as user=…, or a comment`,
  });
}

/** Out of space a server fails with the number of what it was at, such as 3, error on writing a file, or 1026. */
const OUT_OF_SPACE = 1021;

/** By the system's own number, which the server gives at the end: no space left, or none left of a quota. */
function isOutOfSpace(stderr: string): boolean {
  const last = /^[\s\S]*^(ERROR \d+ \([^\n]*)/m.exec(stderr)?.[1] ?? '';
  return /\(Errcode: (?:28|122) "[^"]*"\)$/.test(last.trimEnd());
}

/** The table at whose rows the dump program was, as SQL and without its database: that it does not tell. */
function dumpedTable(stderr: string): string | undefined {
  return /^[a-z-]+: Error \d+: [^`\n]* when dumping table (`(?:[^`\n]|``)+`) at row: \d+$/m.exec(stderr)?.[1];
}

/** The name alone of the option that the server names: `… is running with the --read-only option so …`. */
function forbiddingOption(stderr: string): string | undefined {
  return /^ERROR 1290 \([^\n]* with the (--[a-z_-]+)(?:=[^ \n]*)? option/m.exec(stderr)?.[1];
}

/** No server ends a program of this host. */
const KILLED = 'look at what killed it on this host, such as too little memory: dmesg | tail; journalctl --since -1h';

/** What mends a run during which something was defined anew. */
export const KEEP_SCHEMA = 'let no schema change run during the backup, and run it again';

/** The line of its input that the mariadb client was at: that on which the failed statement begins. */
export function errorLine(stderr: string): number | undefined {
  const digits = /^[\s\S]*^ERROR \d+ \(\w+\) at line (\d+)/m.exec(stderr)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The forms in which the programs print a number; the client's own line comes last, behind a failing statement. First
 * the one that a server gives before TLS is up, such as 1040, which newer programs put inside a 2002 of their own.
 */
const FORMS = [
  /^(?:ERROR 2002 \(HY000\)|[a-z-]+: Got error: 2002): "?Received error packet before completion of TLS[^\n]*: (\d+) - /m,
  /^[\s\S]*^ERROR (\d+) \(/m,
  /\b[Ee]rror:? (\d+):/,
  /\((\d+)\)\s*$/m,
];

/** The number of the error that a client program names on its standard error. */
export function errorNumber(stderr: string): number | undefined {
  for (const form of FORMS) {
    const digits = form.exec(stderr)?.[1];
    if (digits !== undefined) return Number(digits);
  }
  return undefined;
}

function howItEnded({ exitCode, signal, stderr }: Omit<Ended, 'stdout'>): string {
  if (exitCode === null) return signal ? `the program was killed by ${signal}` : 'the program was killed';
  if (exitCode !== 0) return `the program ended with exit code ${exitCode}`;
  return stderr === '' ? 'its output ends too early' : 'the program printed a warning';
}

function hintFor(number: number | undefined, code: ErrorCode, connection: Connection): string {
  const { credentials } = connection;
  if (number === 1045 || number === 1698) {
    if (credentials.kind === 'option-file')
      return `look at user and password in ${credentials.path}; quote a password that has a #, and close the quote`;
    if (credentials.kind === 'unix-socket')
      return `look whether an account logs the system user ${credentials.user} in: SHOW CREATE USER; or name an option file in the inventory`;
    return 'look at user and password in your own option file: ~/.my.cnf';
  }
  if (code === 'account-lacks-privilege') return 'look at the privileges with: SHOW GRANTS';
  if (number === 1133)
    return "look for one without a name, which a replica makes of a restore elsewhere: SELECT user, host FROM mysql.global_priv WHERE user = ''; then: DELETE FROM mysql.global_priv WHERE user = '' AND host = ''; FLUSH PRIVILEGES;";
  if (number === 1049 || code === 'schema-changed') return KEEP_SCHEMA;
  if (number === 1021 || number === 1114)
    return 'free space on the server, or let innodb_data_file_path grow: df -h; SELECT @@datadir, @@innodb_data_file_path;';
  if (number === 1104) return 'run as an administrator: SET GLOBAL max_join_size = 18446744073709551615;';
  if (number === 1792) return 'if it may be changed, run as an administrator: SET GLOBAL tx_read_only = 0;';
  if (number === 1290) return 'look at that option in: SHOW GLOBAL VARIABLES, and in the option files of the server';
  // Who keeps it, this account may not see.
  if (code === 'lock-timeout')
    return 'look at: SHOW FULL PROCESSLIST, as an administrator; SHOW OPEN TABLES WHERE In_use > 0 names the tables';
  if (code === 'too-many-connections') return 'look at: SHOW FULL PROCESSLIST';
  if (code === 'database-unreachable')
    return `look whether ${describeServer(connection)} is up: systemctl status mariadb`;
  return "look at the server's error log: journalctl -u mariadb";
}
