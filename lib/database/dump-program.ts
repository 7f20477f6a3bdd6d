import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { assertNotKilled, run } from '../system/command.ts';
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

/** Looks for `mariadb-dump`. Throws `program-missing`; `program-killed` where that is why it says nothing. */
export async function readDumpProgram(): Promise<DumpProgram> {
  const path = requireProgram('mariadb-dump');
  const [version, help] = await Promise.all([run(path, ['--version']), run(path, ['--no-defaults', '--help'])]);
  const number = /Distrib ([0-9A-Za-z.+~-]+)|from ([0-9A-Za-z.+~-]+)/.exec(version.stdout);
  assertNotKilled(path, version);
  assertNotKilled(path, help);
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

/** What one run of the dump program is about. */
export type DumpSubject =
  | { readonly kind: 'accounts' }
  /**
   * `withoutRows`: tables of the one database of `databases` whose rows are dumped beside it. The dump program takes these
   * names without regard to upper and lower case, so that no other table's name may differ by that alone.
   */
  | {
      readonly kind: 'databases';
      readonly databases: readonly DatabaseName[];
      readonly withoutRows?: readonly string[];
    }
  /** For the views alone: what else is in it is not used. `ignore` holds tables as `database.table`. */
  | { readonly kind: 'views'; readonly databases: readonly DatabaseName[]; readonly ignore: readonly string[] }
  /** Structure and rows of tables, one after another, without triggers and history. `where` null: all rows. */
  | {
      readonly kind: 'lane';
      readonly database: DatabaseName;
      readonly tables: readonly string[];
      readonly where: string | null;
    }
  /** Triggers, routines and events of a database, each after its removal: no table, no view, no row. */
  | { readonly kind: 'definitions'; readonly database: DatabaseName }
  /**
   * Some tables, views and sequences with their triggers, for comparing; `withoutRows` as above. Where there are any of these,
   * the dump program must not be told the tables: then it leaves out the `others`, and may dump more than was asked for.
   */
  | {
      readonly kind: 'tables';
      readonly database: DatabaseName;
      readonly tables: readonly string[];
      readonly withoutRows: readonly string[];
      readonly others: readonly string[];
    }
  /** Structures of tables and views, without triggers. */
  | { readonly kind: 'structures'; readonly database: DatabaseName; readonly tables: readonly string[] };

/**
 * What is asked of the dump program after the connection's own arguments. The dump makes its databases and uses them,
 * so that `mariadb < dump` needs no argument. Binary columns are written escaped rather than in hex: every byte
 * comes back either way, and hex is twice the size. LOCK TABLES is left out: under it the client refuses the rows of a
 * table whose default takes a number from a sequence.
 *
 * The accounts come with their grants and roles, as portable SQL. An account that is there when it is loaded
 * gets this password, because the dump program writes it into the GRANT too, and these grants beside its own.
 */
export function dumpArguments(
  subject: DumpSubject,
  { binlog, history }: { readonly binlog: boolean; readonly history: boolean },
): string[] {
  const position = binlog ? ['--master-data=2'] : [];
  const common = [...COMMON, ...position, ...(history ? ['--dump-history'] : [])];
  switch (subject.kind) {
    case 'accounts':
      return [...COMMON, ...position, '--system=users', '--insert-ignore'];
    case 'databases': {
      const [database] = subject.databases;
      const withoutRows = (subject.withoutRows ?? []).map((table) => `--ignore-table-data=${database}.${table}`);
      return [...common, ...withoutRows, ...OBJECTS, '--databases', '--', ...subject.databases];
    }
    case 'views': {
      const ignored = subject.ignore.map((table) => `--ignore-table=${table}`);
      return [...common, ...ignored, '--no-data', '--skip-triggers', '--databases', '--', ...subject.databases];
    }
    case 'lane': {
      const where = subject.where === null ? [] : [`--where=${subject.where}`];
      return [...COMMON, ...position, '--skip-triggers', ...where, '--', subject.database, ...subject.tables];
    }
    case 'definitions':
      return [...COMMON, '--no-data', '--no-create-info', '--add-drop-trigger', ...OBJECTS, '--', subject.database];
    case 'tables': {
      const { database, tables } = subject;
      if (subject.withoutRows.length === 0) return [...common, '--triggers', '--', database, ...tables];
      const withoutRows = subject.withoutRows.map((table) => `--ignore-table-data=${database}.${table}`);
      const without = othersThan(tables, subject.others).map((table) => `--ignore-table=${database}.${table}`);
      return [...common, ...withoutRows, ...without, '--triggers', '--databases', '--', database];
    }
    case 'structures':
      return [...COMMON, '--no-data', '--skip-triggers', '--', subject.database, ...subject.tables];
  }
}

/** As many words fit on a command line. */
const OTHERS = 5000;

/** What can be left out by name: the dump program takes no heed of upper and lower case there. */
function othersThan(tables: readonly string[], others: readonly string[]): readonly string[] {
  const wanted = new Set(tables.map((name) => name.toLowerCase()));
  return others.filter((name) => !wanted.has(name.toLowerCase())).slice(0, OTHERS);
}

const OBJECTS = ['--routines', '--events', '--triggers'];
