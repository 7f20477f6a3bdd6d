import { join } from 'node:path';
import { chooseCompressor } from '../../lib/archive/compressor.ts';
import { connectionOf } from '../../lib/database/connection.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { type EmbeddedWorld, startEmbeddedWorld } from '../../lib/flow/embedded-world.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { start } from '../../lib/system/command.ts';
import { makeFolder } from '../../lib/system/files.ts';
import { BENCHMARK_DATABASES, benchmarkSql } from './data.ts';

/** A world with data in it, and how much that is. */
export interface BenchWorld {
  readonly world: EmbeddedWorld;
  readonly host: HostConfig;
  /** Size of the SQL that mariadb-dump writes for the three databases. */
  readonly dumpedBytes: number;
  readonly databases: readonly string[];
  /** Arguments with which the backup account reaches the server. */
  readonly clientArguments: readonly string[];
  /** A folder that the contractor's server can be sent files to, and one for the old recipe's own files. */
  readonly recipeTarget: string;
  readonly recipeWork: string;
  /** What took part, as `name version`. */
  readonly versions: readonly string[];
}

/** Starts the embedded world in `folder` and fills it. Dumping once to count the bytes warms the page cache too. */
export async function startBenchWorld(folder: string, bytes: number, shell: boolean): Promise<BenchWorld> {
  const world = await startEmbeddedWorld({ folder, shell });
  try {
    const host = await world.host();
    const { optionFile } = host.database;
    const clientArguments = [`--defaults-file=${optionFile}`, `--socket=${world.server.socket}`];
    await loadSql(world.server.root, benchmarkSql(bytes), 'the data of the benchmark');
    let dumpedBytes = 0;
    for (const database of BENCHMARK_DATABASES) dumpedBytes += await dumpedSize(clientArguments, database);
    const recipeTarget = join(folder, 'offsite/recipe');
    await makeFolder(recipeTarget);
    const server = await inspectServer(connectionOf(host.database), { exclude: [] });
    const compressor = await chooseCompressor('auto');
    return {
      world,
      host,
      dumpedBytes,
      databases: BENCHMARK_DATABASES,
      clientArguments,
      recipeTarget,
      recipeWork: join(folder, 'recipe'),
      versions: [`MariaDB ${server.version}`, `Node ${process.versions.node}`, compressor.version],
    };
  } catch (error) {
    await world.stop();
    throw error;
  }
}

async function dumpedSize(clientArguments: readonly string[], database: string): Promise<number> {
  const dump = start('mariadb-dump', [...clientArguments, '--single-transaction', database]);
  let bytes = 0;
  for await (const chunk of dump.stdout) bytes += (chunk as Buffer).length;
  const { exitCode, stderr } = await dump.ended;
  if (exitCode !== 0) throw new Error(`cannot dump ${database}: ${stderr}`);
  return bytes;
}
