/*
 * How long a backup takes, and how much memory, beside the recipe that coffre replaces and beside the bare dumps.
 *
 *   npm run bench -- [--size GB] [--rounds N] [--shell] [--json] [--keep]
 *   npm run bench -- --memory [--json]
 *
 * Reads as: `of recipe` is the wall time as a part of the old recipe's in the same round, `of dump` as a multiple of
 * mariadb-dump alone, which no logical backup can be much faster than. With several rounds each column is the median.
 *
 * What is compared is not the same work. The recipe neither syncs its files to the disk, nor takes all databases at one
 * moment, nor reads anything back; coffre does all three within its time, signs and publishes. Both read the server's
 * files from the page cache, which the count of the dumped bytes has warmed, and both send to a server on this machine:
 * a slow line would be slow for both. Sealed files are read back from the page cache too. Without `--shell` the
 * contractor offers SFTP only, so that coffre reads its copy back; with it the contractor hashes the copy.
 *
 * Memory is VmHWM of coffre's own process, the peak of what was resident, without the dump programs and compressors.
 * `--memory` compares it at 0.2 and 2 GB, and exits 1 unless both are within 20 % of each other and under 200 MB.
 *
 * GB and MB are powers of ten throughout.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, release, tmpdir, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '../../lib/report/table.ts';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { type CoffreRun, coffre, dumpAlone, recipe } from './contestants.ts';
import type { Timed } from './timed.ts';

const { values } = parseArgs({
  args: process.argv.slice(process.argv.findIndex((word) => basename(word) === 'backup.ts') + 1),
  options: {
    size: { type: 'string', default: '1.5' },
    rounds: { type: 'string', default: '1' },
    memory: { type: 'boolean', default: false },
    shell: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

if (values.memory) await compareMemory();
else await compareTime(Number(values.size) * 1e9, Number(values.rounds));

async function compareTime(bytes: number, rounds: number): Promise<void> {
  await withWorld(bytes, async (bench) => {
    const taken: { readonly recipe: Timed; readonly dump: Timed; readonly coffre: CoffreRun }[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      taken.push({ recipe: await recipe(bench), dump: await dumpAlone(bench), coffre: await coffre(bench) });
    }
    const median = (pick: (round: (typeof taken)[number]) => number) => middle(taken.map(pick));
    const row = (name: 'recipe' | 'dump' | 'coffre') => ({
      name,
      wallMs: median((round) => round[name].wallMs),
      ofRecipe: median((round) => round[name].wallMs / round.recipe.wallMs),
      ofDump: median((round) => round[name].wallMs / round.dump.wallMs),
    });
    const rows = [row('recipe'), row('dump'), row('coffre')];
    const peakBytes = Math.max(...taken.map((round) => round.coffre.peakBytes));
    const last = taken.at(-1)?.coffre.manifest;
    const phases = last?.phases ?? [];
    const verified = last?.copies.map(({ kind, verified }) => `${kind} ${verified}`) ?? [];
    const names = { recipe: 'old recipe', dump: 'mariadb-dump > /dev/null', coffre: 'coffre backup' };
    const table = formatTable(
      ['', 'seconds', 'MB/s of SQL', 'of recipe', 'of dump', 'peak MB'],
      rows.map(({ name, wallMs, ofRecipe, ofDump }) => [
        names[name],
        (wallMs / 1000).toFixed(1),
        (bench.dumpedBytes / 1e3 / wallMs).toFixed(0),
        ofRecipe.toFixed(2),
        ofDump.toFixed(2),
        name === 'coffre' ? (peakBytes / 1e6).toFixed(0) : '',
      ]),
    );
    const told = phases.map(({ name, durationMs }) => `${name} ${(durationMs / 1000).toFixed(1)} s`);
    print(
      { ...settings(bench), rounds, rows, peakBytes, phases, verified },
      `${table}\n\ncoffre: ${told.join(', ')}\ncopies: ${verified.join(', ')}\n${describe(bench)}, rounds ${rounds}`,
    );
  });
}

async function compareMemory(): Promise<void> {
  const measured: { readonly sizeBytes: number; readonly peakBytes: number }[] = [];
  for (const bytes of [0.2e9, 2e9]) {
    await withWorld(bytes, async (bench) => {
      measured.push({ sizeBytes: bench.dumpedBytes, peakBytes: (await coffre(bench)).peakBytes });
    });
  }
  const peaks = measured.map(({ peakBytes }) => peakBytes);
  const flat = Math.max(...peaks) <= Math.min(...peaks) * 1.2 && Math.max(...peaks) <= 200e6;
  process.exitCode = flat ? 0 : 1;
  const rows = measured.map((each) => [(each.sizeBytes / 1e6).toFixed(0), (each.peakBytes / 1e6).toFixed(0)]);
  const verdict = flat
    ? 'within 20 % of each other and under 200 MB'
    : 'NOT within 20 % of each other and under 200 MB';
  print({ measured, flat }, `${formatTable(['MB of SQL', 'peak MB'], rows)}\n\n${verdict}`);
}

/** Everything is in one temporary folder, which is gone afterwards unless it is to be kept. */
async function withWorld(bytes: number, measure: (bench: BenchWorld) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-bench-'));
  try {
    say(`making ${(bytes / 1e9).toFixed(1)} GB of data in ${folder}`);
    const bench = await startBenchWorld(folder, bytes, values.shell);
    try {
      await measure(bench);
    } finally {
      await bench.world.stop();
    }
  } finally {
    if (values.keep) say(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

function settings({ dumpedBytes, versions }: BenchWorld) {
  const machine = `${availableParallelism()} cores of ${cpus()[0]?.model}, ${(totalmem() / 1e9).toFixed(0)} GB, Linux ${release()}`;
  return { dumpedBytes, machine, versions, offsite: values.shell ? 'SFTP and commands' : 'SFTP only' };
}

function describe(bench: BenchWorld): string {
  const { machine, versions, offsite } = settings(bench);
  const size = `${(bench.dumpedBytes / 1e6).toFixed(0)} MB of SQL in ${bench.databases.length} databases`;
  return `${machine}\n${versions.join(', ')}\n${size}, offsite with ${offsite}`;
}

function middle(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function print(data: object, text: string): void {
  process.stdout.write(`${values.json ? JSON.stringify(data, null, 2) : text}\n`);
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
