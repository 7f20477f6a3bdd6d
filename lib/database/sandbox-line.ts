import { CoffreError } from '../model/error.ts';
import { run } from '../system/command.ts';
import { packageOf, requireProgram } from '../system/programs.ts';

/**
 * From these releases on the dump program begins with a line that forbids the client to start other programs, and the
 * client knows it. An older client takes it for a statement, and fails on it: https://mariadb.org/mariadb-dump-file-compatibility-change/
 */
const SINCE: ReadonlyMap<string, number> = new Map([
  ['10.5', 25],
  ['10.6', 18],
  ['10.11', 8],
  ['11.0', 6],
  ['11.1', 5],
  ['11.2', 4],
  ['11.4', 2],
]);
const ALL_SINCE = [11, 5] as const;

/** Whether a program of this version, `10.11.19-MariaDB` with any words around it, knows that line. */
export function knowsSandboxLine(version: string): boolean {
  const [, major = '0', minor = '0', patch = '0'] = /(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  const since = SINCE.get(`${major}.${minor}`);
  if (since !== undefined) return Number(patch) >= since;
  const [firstMajor, firstMinor] = ALL_SINCE;
  return Number(major) > firstMajor || (Number(major) === firstMajor && Number(minor) >= firstMinor);
}

/** Throws `program-missing` when this host's client does not take what the dump program `dump` has written. */
export async function assertClientTakes(dump: string | null): Promise<void> {
  if (dump === null || !knowsSandboxLine(dump)) return;
  const client = requireProgram('mariadb');
  const { stdout } = await run(client, ['--version']);
  const version = /(?:Distrib|from) ([0-9][0-9A-Za-z.+~-]*)/.exec(stdout)?.[1];
  if (version === undefined || knowsSandboxLine(version)) return;
  throw new CoffreError(
    'program-missing',
    `cannot load with ${client}: its ${version} is too old for what ${dump} wrote`,
    {
      hint: `install a newer one: apt-get install ${packageOf('mariadb')}`,
    },
  );
}
