import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { loadSql } from '../../lib/database/load-sql.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import { cleanEnvironment, run, start } from '../../lib/system/command.ts';
import { makeFolder } from '../../lib/system/files.ts';
import type { BenchWorld } from './bench-world.ts';
import type { Contestant } from './contestant.ts';
import { settle } from './settle.ts';
import { storedBytes } from './stored-bytes.ts';
import { timed } from './timed.ts';

export interface ScriptPeer extends Pick<Contestant, 'name' | 'does' | 'leavesOut' | 'roughMBps'> {
  /** In `peers/`. Its first word is `prepare`, `backup` or `restore`, its settings are the variables `BENCH_…`. */
  readonly script: string;
  /** The words after the first. */
  readonly words?: readonly string[];
  readonly programs?: Contestant['programs'];
  readonly aim?: number;
  /** Whether its `restore` prints SQL, loads a server by itself, or makes a server's files. */
  readonly restores?: 'sql' | 'server' | 'files' | 'nothing';
}

/** A contestant that is a shell script. Scripts without `prepare` do nothing when asked for it. */
export function scriptPeer({ script, words = [], restores = 'sql', ...peer }: ScriptPeer): Contestant {
  const path = join(import.meta.dirname, 'peers', script);
  const command = (verb: string, more: readonly string[] = []) => [path, verb, ...words, ...more];
  return {
    ...{ programs: [], aim: null },
    ...peer,
    async takeBackup(bench, signal) {
      const env = environment(bench);
      const { work, target } = bench.places;
      for (const folder of [work, target]) await makeFolder(folder, 0o700);
      await timed('bash', command('prepare'), { env, signal });
      await settle();
      const cost = await timed('bash', command('backup'), { env, signal });
      return { ...cost, storedBytes: (await storedBytes(target)) || (await storedBytes(work)) };
    },
    ...(restores === 'nothing' ? {} : { restore: (bench, folder) => restore(bench, folder, restores, command) }),
    async clear({ places }) {
      for (const folder of [places.work, places.target]) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function restore(
  bench: BenchWorld,
  folder: string,
  restores: 'sql' | 'server' | 'files',
  command: (verb: string, more?: readonly string[]) => string[],
) {
  const env = environment(bench);
  if (restores === 'files') {
    await bash(command('restore', [join(folder, 'data')]), env);
    return await startThrowawayServer({ folder });
  }
  const server = await startThrowawayServer({ folder });
  try {
    if (restores === 'server') await bash(command('restore', [server.socket]), env);
    else await loadSql(server.root, outputOf(command('restore'), env));
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function bash(words: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const { exitCode, stderr } = await run('bash', words, { env });
  if (exitCode !== 0) throw new Error(`cannot run ${words.join(' ')}: ${stderr}`);
}

async function* outputOf(words: readonly string[], env: Readonly<Record<string, string>>): Bytes {
  const { stdout, ended } = start('bash', words, { env });
  for await (const chunk of stdout) yield chunk as Buffer;
  const { exitCode, stderr } = await ended;
  if (exitCode !== 0) throw new Error(`cannot run ${words.join(' ')}: ${stderr}`);
}

/** What the scripts are told. Only names and paths: the files that hold secrets are private. */
function environment({ world, host, databases, places }: BenchWorld): Record<string, string> {
  return cleanEnvironment({
    BENCH_OPTIONS: host.database.optionFile,
    BENCH_ADMIN_OPTIONS: world.adminOptions,
    BENCH_SOCKET: world.server.socket,
    BENCH_DATABASES: databases.join(' '),
    BENCH_PARALLEL: `${availableParallelism() + 1}`,
    BENCH_WORK: places.work,
    BENCH_TARGET: places.target,
    BENCH_SSH_CONFIG: places.sshConfig,
    BENCH_PASSPHRASE: places.passphraseFile,
    BENCH_RECIPIENT: join(world.inventoryFolder, 'recipients/company.pem'),
    BENCH_PRIVATE_KEY: world.keys.company,
    BENCH_KEY_PASSPHRASE: places.keyPassphraseFile,
  });
}
