/*
 * How long it takes until the tables are there again, beside the ways that people go without coffre.
 *
 * Each loads into a new server of its own, with the same settings, from what is on the disk and in the page cache. Loaders take
 * turns, several rounds, each round beginning with another one; a row has the medians of the rounds, a ratio is the
 * median of the rounds' ratios. coffre's time is that of the whole task: verify, open, load, dump once more, compare.
 * Whether every table came is looked at after each, by its number of rows, and not timed.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { query } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { formatDuration } from '../../lib/report/format.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { type BenchCommand, describeMachine, describeVersions, optionsOf, positive, say } from './bench-command.ts';
import type { BenchWorld } from './bench-world.ts';
import { formatStandings, type Measurement, median, standingsOf } from './comparison.ts';
import { shapeNamed } from './data.ts';
import { LOADERS, type Loader, ONE, takeRun } from './loaders.ts';
import { resultsFile } from './results-file.ts';
import { settle } from './settle.ts';
import { UsageError } from './usage-error.ts';
import { withBenchWorld } from './with-bench-world.ts';

const MEMORY_AIM_BYTES = 200e6;
const ONE_TABLE_AIM = 0.03;

export const restore: BenchCommand = {
  usage: '[--size GB] [--shape keyed|mixed|many-small|one-huge] [--rounds N] [--peers NAME,…|none] [--json]',
  summary:
    'a restore by coffre, of all and of one table, and by every peer that is installed (1.5 GB, keyed, 3 rounds)',
  async run(words, signal) {
    const options = optionsOf(words, { size: '1.5', shape: 'keyed', rounds: '3', peers: 'all', json: false });
    const bytes = positive('size', options.size) * 1e9;
    const rounds = Math.ceil(positive('rounds', options.rounds));
    const shape = shapeNamed(options.shape);
    const { present, absent } = chosen(options.peers, shape === 'keyed');
    for (const line of absent) say(`left out: ${line}`);
    return await withBenchWorld({ shape, bytes, shell: false }, async (bench) => {
      const file = await resultsFile(`restore-${shape}-${options.size}GB`);
      say('taking the run that is restored');
      await takeRun(bench, signal);
      const settings = {
        ...{ shape, rounds, dumpedBytes: bench.dumpedBytes, databases: bench.databases.length, absent },
        machine: describeMachine(),
        versions: await describeVersions(
          bench,
          present.flatMap(({ programs }) => programs),
        ),
      };
      const keep = (measured: readonly Measurement[]) =>
        file.write({ ...settings, standings: standingsOf(present, measured), measured });
      const measured = await measure(bench, present, rounds, signal, keep);
      const standings = standingsOf(present, measured);
      const whole = present.filter(({ name }) => name !== 'one-table');
      const table = formatStandings(
        whole,
        standings.filter(({ name }) => name !== 'one-table'),
        bench.dumpedBytes,
        shape === 'keyed' && bytes === 1.5e9,
      );
      const told = [...closing(measured), settings.machine, settings.versions.join(', '), `kept: ${file.path}`];
      const text = `${table}\n\n${told.join('\n')}`;
      process.stdout.write(`${options.json ? JSON.stringify({ ...settings, standings, measured }, null, 2) : text}\n`);
      return measured.some(({ kind }) => kind === 'failed') ? 1 : 0;
    });
  },
};

/** coffre and the peers that are asked for and installed. Throws `UsageError` for a name that nobody has. */
function chosen(peers: string, hasOne: boolean) {
  const names = peers === 'none' ? [] : peers.split(',');
  const unknown = names.find((name) => name !== 'all' && !LOADERS.some((each) => each.name === name));
  if (unknown !== undefined)
    throw new UsageError(`there is no peer ${unknown}: there are ${LOADERS.map(({ name }) => name).join(', ')}`);
  const own = ({ name }: Loader) => name === 'coffre' || (name === 'one-table' && hasOne);
  const asked = LOADERS.filter(
    (each) => own(each) || (each.name !== 'one-table' && (names.includes('all') || names.includes(each.name))),
  );
  const isHere = ({ programs }: Loader) => programs.every((program) => findProgram(program) !== undefined);
  return {
    present: asked.filter(isHere),
    absent: asked.filter((each) => !isHere(each)).map(({ name }) => `${name}: not installed`),
  };
}

async function measure(
  bench: BenchWorld,
  loaders: readonly Loader[],
  rounds: number,
  signal: AbortSignal,
  keep: (measured: readonly Measurement[]) => Promise<void>,
): Promise<readonly Measurement[]> {
  const measured: Measurement[] = [];
  const wanted = await rowsOf(bench.world.server.root, bench.databases);
  for (let round = 1; round <= rounds; round++) {
    for (const loader of [...loaders.slice(round - 1), ...loaders.slice(0, round - 1)]) {
      const measurement = await measureOne(bench, loader, round, wanted, signal);
      if (signal.aborted) return measured;
      measured.push(measurement);
      await keep(measured);
      const result = measurement.kind === 'taken' ? formatDuration(measurement.taken.wallMs) : measurement.why;
      say(`${measured.length} of ${loaders.length * rounds}: ${loader.name}: ${result}`);
    }
  }
  return measured;
}

async function measureOne(
  bench: BenchWorld,
  loader: Loader,
  round: number,
  wanted: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<Measurement> {
  const which = { contestant: loader.name, round };
  const folder = join(bench.world.folder, 'target');
  try {
    await loader.prepare(bench);
    const target = await startThrowawayServer({ folder });
    try {
      await settle();
      const cost = await loader.load(bench, target, signal);
      const found = await rowsOf(target.root, loader.loads(bench.databases));
      const lacks = [...found].filter(([table, rows]) => wanted.get(table) !== rows).map(([table]) => table);
      if (lacks.length > 0 || found.size === 0) throw new Error(`not everything came: ${lacks.join(', ')}`);
      return { ...which, kind: 'taken', taken: { ...cost, storedBytes: 0 } };
    } finally {
      await target.stop();
    }
  } catch (error) {
    return { ...which, kind: 'failed', why: error instanceof Error ? error.message : String(error) };
  } finally {
    await loader.clear(bench);
    await rm(folder, { recursive: true, force: true });
  }
}

const Table = z.object({ database: z.string(), name: z.string() });

/** How many rows each table of the databases has. Throws when a database is not there. */
async function rowsOf(server: Connection, databases: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const names = databases.map((name) => `'${name}'`).join(', ');
  const tables = await query(
    server,
    `SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'name', TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA IN (${names})`,
    Table,
  );
  const rows = new Map<string, number>();
  for (const { database, name } of tables) {
    const [found] = await query(server, `SELECT COUNT(*) FROM ${database}.${name}`, z.coerce.number());
    rows.set(`${database}.${name}`, found ?? 0);
  }
  return rows;
}

function closing(measured: readonly Measurement[]): readonly string[] {
  const failures = measured.flatMap((each) =>
    each.kind === 'failed' ? [`FAILED: ${each.contestant}: ${each.why}`] : [],
  );
  const of = (name: string) =>
    measured.flatMap((each) => (each.kind === 'taken' && each.contestant === name ? [each] : []));
  const judged = (isMet: boolean) => (isMet ? 'met' : 'MISSED');
  const peakBytes = Math.max(0, ...of('coffre').map(({ taken }) => taken.peakBytes));
  const memory = `peak memory of coffre's own process: ${(peakBytes / 1e6).toFixed(0)} MB, ≤ ${MEMORY_AIM_BYTES / 1e6} ${judged(peakBytes <= MEMORY_AIM_BYTES)}`;
  const wholeMs = new Map(of('coffre').map(({ round, taken }) => [round, taken.wallMs]));
  const parts = of('one-table').flatMap(({ round, taken }) => {
    const whole = wholeMs.get(round);
    return whole === undefined ? [] : [taken.wallMs / whole];
  });
  const part = median(parts);
  const seconds = (median(of('one-table').map(({ taken }) => taken.wallMs)) / 1000).toFixed(2);
  const one = `one table of 1 % (${ONE}): ${seconds} s, ${part.toFixed(3)} of the whole, ≤ ${ONE_TABLE_AIM} ${judged(part <= ONE_TABLE_AIM)}`;
  return [...failures, memory, ...(parts.length > 0 ? [one] : [])];
}
