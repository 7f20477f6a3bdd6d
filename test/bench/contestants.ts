import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseManifest } from '../../lib/audit/canonical.ts';
import type { Manifest } from '../../lib/model/manifest.ts';
import { openRunFolders } from '../../lib/storage/run-folders.ts';
import { readSmall } from '../../lib/storage/run-reader.ts';
import { makeFolder, writeDurably } from '../../lib/system/files.ts';
import type { BenchWorld } from './bench-world.ts';
import { type Timed, timed } from './timed.ts';

/** One measured backup by coffre: what it cost, and what it has put on record. */
export interface CoffreRun extends Timed {
  readonly manifest: Manifest;
}

/** The recipe of old, all of it: dumps, tars, seals, and sends by scp. What it has written is removed afterwards. */
export async function recipe(bench: BenchWorld): Promise<Timed> {
  const { world, host, recipeWork: work, recipeTarget } = bench;
  const { port, identityPath, user, hostKey } = world.contractor;
  await makeFolder(work);
  const knownHosts = join(work, 'known_hosts');
  await writeDurably(knownHosts, `[127.0.0.1]:${port} ${hostKey}\n`);
  const publicKey = join(world.inventoryFolder, 'recipients/company.pem');
  const database = [host.database.optionFile, world.server.socket];
  const offsite = [String(port), identityPath, knownHosts, user, recipeTarget];
  const script = join(import.meta.dirname, 'recipe.sh');
  await settle();
  try {
    return await timed('bash', [script, ...database, work, publicKey, ...offsite, ...bench.databases]);
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(join(recipeTarget, 'encrypted.dat'), { force: true });
  }
}

/** The floor under any logical backup: each database dumped, one after another, and thrown away. */
export async function dumpAlone({ clientArguments, databases }: BenchWorld): Promise<Timed> {
  await settle();
  let wallMs = 0;
  let peakBytes = 0;
  for (const database of databases) {
    const one = await timed('mariadb-dump', [...clientArguments, '--single-transaction', database]);
    wallMs += one.wallMs;
    peakBytes = Math.max(peakBytes, one.peakBytes);
  }
  return { wallMs, peakBytes };
}

/** As in .npmrc. */
const NODE_ARGUMENTS = ['--max-semi-space-size=1', '--import=tsx'];

/** coffre's task as cron runs it, in a process of its own. The run's folders are removed afterwards. */
export async function coffre({ world, host }: BenchWorld): Promise<CoffreRun> {
  await settle();
  const project = join(import.meta.dirname, '../..');
  const task = [...NODE_ARGUMENTS, 'tasks/backup.ts', '--inventory', world.inventoryFolder];
  const cost = await timed(process.execPath, task, project);
  const store = openRunFolders(host.store.path);
  const run = (await store.listRuns()).at(-1);
  const reader = run && (await store.openRun(run));
  const bytes = reader && (await readSmall(reader, 'manifest.json'));
  if (!run || !bytes) throw new Error('coffre has left no run');
  const offsites = host.offsite.map(({ path }) => path);
  for (const path of [host.store.path, host.export.path, host.keys.path, ...offsites]) {
    await openRunFolders(path).removeRun(run);
  }
  return { ...cost, manifest: parseManifest(bytes) };
}

/** What the one before has left for the disk to write must not slow down the next. */
async function settle(): Promise<void> {
  await timed('sync', []);
}
