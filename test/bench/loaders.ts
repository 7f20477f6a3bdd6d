import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { cleanEnvironment, run } from '../../lib/system/command.ts';
import type { Program } from '../../lib/system/programs.ts';
import type { BenchWorld } from './bench-world.ts';
import { COFFRE } from './coffre.ts';
import type { Named } from './comparison.ts';
import { type Timed, timed } from './timed.ts';

/** Something that loads what was backed up into an empty server. */
export interface Loader extends Named {
  readonly programs: readonly Program[];
  /** Makes what it loads from. Not timed, once for all rounds. */
  prepare(bench: BenchWorld): Promise<void>;
  load(bench: BenchWorld, target: ThrowawayServer, signal: AbortSignal): Promise<Timed>;
  /** Removes what it has loaded from. */
  clear(bench: BenchWorld): Promise<void>;
  /** The databases that are in the server afterwards. */
  loads(databases: readonly string[]): readonly string[];
}

/** The database that has one table of 1 %, in data of the shape `keyed`. */
export const ONE = 'bench_one';
const threads = availableParallelism();
const all = (databases: readonly string[]) => databases;

function coffre(name: string, does: string, words: readonly string[], loads: Loader['loads']): Loader {
  return {
    ...{ name, does, leavesOut: [], aim: null, programs: [], loads },
    prepare: async () => undefined,
    async load({ world, agent, places }, target, signal) {
      const options = ['--socket', target.socket, '--defaults-file', world.adminOptions, '--key', world.keys.company];
      const from = ['--inventory', world.inventoryFolder, '--from', 'store'];
      const key = ['--passphrase-file', places.keyPassphraseFile];
      return await timed(
        '/usr/bin/env',
        ['PATH=/usr/bin:/bin', agent, 'restore', ...from, ...options, ...key, ...words],
        {
          signal,
        },
      );
    },
    clear: async () => undefined,
  };
}

const NOTHING_CHECKED = 'nothing is verified or compared';

function script(what: string, peer: Omit<Loader, 'name' | 'prepare' | 'load' | 'clear' | 'loads'>): Loader {
  const path = join(import.meta.dirname, 'peers/load.sh');
  return {
    ...peer,
    name: what,
    loads: all,
    async prepare(bench) {
      const { exitCode, stderr } = await run('bash', [path, 'prepare', what], { env: environment(bench) });
      if (exitCode !== 0) throw new Error(`cannot prepare ${what}: ${stderr}`);
    },
    load: (bench, target, signal) =>
      timed('bash', [path, 'restore', what, target.socket], { env: environment(bench), signal }),
    clear: ({ places }) => rm(places.work, { recursive: true, force: true }),
  };
}

function environment({ world, host, databases, places }: BenchWorld): Record<string, string> {
  return cleanEnvironment({
    BENCH_OPTIONS: host.database.optionFile,
    BENCH_ADMIN_OPTIONS: world.adminOptions,
    BENCH_SOCKET: world.server.socket,
    BENCH_DATABASES: databases.join(' '),
    BENCH_THREADS: `${threads}`,
    BENCH_WORK: places.work,
    BENCH_PASSPHRASE: places.passphraseFile,
  });
}

/** Everybody, in the order in which the table shows them. */
export const LOADERS: readonly Loader[] = [
  coffre('coffre', 'coffre restore --from store: verified, opened, loaded, dumped once more and compared', [], all),
  coffre('one-table', 'coffre restore of the one table of 1 %, out of the same run', ['--table', `${ONE}.item`], () => [
    ONE,
  ]),
  script('sql', {
    ...{ does: 'mariadb < dump.sql, plain SQL on the disk', programs: [], aim: 0.6 },
    leavesOut: ['no secrecy', NOTHING_CHECKED, 'no accounts'],
  }),
  script('pipeline', {
    ...{ does: 'openssl enc -d | gzip -d | mariadb, one file', programs: [], aim: 0.55 },
    leavesOut: [NOTHING_CHECKED, 'no accounts'],
  }),
  script('myloader', {
    ...{ does: `myloader, ${threads} threads, from its own dump`, programs: ['mydumper', 'myloader'], aim: 0.65 },
    leavesOut: ['no secrecy', NOTHING_CHECKED, 'no accounts'],
  }),
];

/** Takes the run that coffre restores. */
export async function takeRun(bench: BenchWorld, signal: AbortSignal): Promise<void> {
  await COFFRE.takeBackup(bench, signal);
}
