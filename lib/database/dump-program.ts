import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { run } from '../system/command.ts';
import { findProgram, requireProgram } from '../system/programs.ts';

/** The dump program of this host. */
export interface DumpProgram {
  readonly path: string;
  /** The words before its arguments when it is to dump. */
  readonly command: readonly [string, ...string[]];
  /** Name and version, for the manifest: `mariadb-dump 10.11.19-MariaDB`. */
  readonly version: string;
  /** Whether it can dump the history of system-versioned tables. */
  readonly history: boolean;
}

/**
 * To a pipe the program writes four kibibytes at a time, and each of them wakes up the reader: with four times as much
 * all three of server, program and reader take a third less of the processor. Not more than that, because the program
 * tells its place in the binary log only with its first full buffer, and commits wait for that.
 */
const BUFFERED = ['-o16K'];

/** Looks for `mariadb-dump`. Throws `program-missing`. */
export async function readDumpProgram(): Promise<DumpProgram> {
  const path = requireProgram('mariadb-dump');
  const [version, help] = await Promise.all([run(path, ['--version']), run(path, ['--no-defaults', '--help'])]);
  const number = /Distrib ([0-9A-Za-z.+~-]+)|from ([0-9A-Za-z.+~-]+)/.exec(version.stdout);
  if (version.exitCode !== 0 || !number) {
    throw new CoffreError('program-missing', `cannot use ${path}: it does not tell its version`, {
      hint: `run: ${path} --version`,
    });
  }
  return {
    path,
    command: await commandFor(path),
    version: `mariadb-dump ${number[1] ?? number[2]}`,
    history: help.stdout.includes('--dump-history'),
  };
}

/** Through coreutils' stdbuf where that works: it needs a C library that it can extend. */
async function commandFor(path: string): Promise<DumpProgram['command']> {
  const stdbuf = findProgram('stdbuf');
  if (!stdbuf) return [path];
  const command = [stdbuf, ...BUFFERED, path] as const;
  const tried = await run(stdbuf, [...BUFFERED, path, '--version']);
  return tried.exitCode === 0 && tried.stderr === '' ? [...command] : [path];
}

const COMMON = [
  '--single-transaction',
  '--quick',
  '--default-character-set=utf8mb4',
  '--max-allowed-packet=1G',
  '--no-tablespaces',
  '--skip-add-locks',
];

interface DumpOptions {
  readonly binlog: boolean;
  readonly history: boolean;
  /**
   * Tables whose rows are left out, because they are dumped in lanes. The dump program takes these names without regard
   * to upper and lower case, so that no other table's name may differ by that alone.
   */
  readonly laned?: readonly string[];
}

/**
 * What is asked of the dump program after the connection's own arguments. The dump makes its database and uses it,
 * so that `mariadb < dump` needs no argument. Binary columns are written escaped rather than in hex: every byte
 * comes back either way, and hex is twice the size. LOCK TABLES is left out: under it the client refuses the rows of a
 * table whose default takes a number from a sequence.
 *
 * `database` null: the accounts with their grants and roles, as portable SQL. An account that is there when it is loaded
 * gets this password, because the dump program writes it into the GRANT too, and these grants beside its own.
 */
export function dumpArguments(database: DatabaseName | null, { binlog, history, laned = [] }: DumpOptions): string[] {
  const position = binlog ? ['--master-data=2'] : [];
  if (database === null) return [...COMMON, ...position, '--system=users', '--insert-ignore'];
  return [
    ...COMMON,
    ...position,
    ...(history ? ['--dump-history'] : []),
    ...laned.map((table) => `--ignore-table-data=${database}.${table}`),
    '--routines',
    '--events',
    '--triggers',
    '--databases',
    '--',
    database,
  ];
}

/**
 * What is asked of the dump program for a lane: the structure of a table, and its rows of this condition (all for null). The
 * history of a table is never dumped so.
 */
export function laneArguments(
  database: DatabaseName,
  table: string,
  { where, binlog }: { readonly where: string | null; readonly binlog: boolean },
): string[] {
  const position = binlog ? ['--master-data=2'] : [];
  const condition = where === null ? [] : [`--where=${where}`];
  return [...COMMON, ...position, '--skip-triggers', ...condition, '--', database, table];
}
