/*
 * How long a backup takes, beside the recipe that coffre replaces and beside every other tool that is installed.
 *
 * Reads as: `coffre takes 0.20 of it` is coffre's wall time as a part of that one's. Contestants take turns, several
 * rounds, each round beginning with another one; a row has the medians of the rounds, a ratio is the median of the
 * rounds' ratios. `cores busy` is the whole machine's work in that time, the server's and the far end's too.
 *
 * What is compared is not the same work: below the table stands what each leaves out of coffre's. All read the server's
 * files from the page cache, which the count of the dumped bytes has warmed, and send to an sshd on this machine with
 * the same cipher (but for the recipe, which takes ssh's own choice): a slow line would be slow for all. Without
 * `--shell` coffre's contractor offers SFTP only, so that coffre reads its copy back; with it the contractor hashes it.
 */
import { formatDuration } from '../../lib/report/format.ts';
import { type BenchCommand, describeMachine, describeVersions, optionsOf, positive, say } from './bench-command.ts';
import type { BenchWorld } from './bench-world.ts';
import { chosenContestants } from './chosen-contestants.ts';
import { formatStandings, type Measurement, standingsOf } from './comparison.ts';
import type { Contestant } from './contestant.ts';
import { shapeNamed } from './data.ts';
import { type ResultsFile, resultsFile } from './results-file.ts';
import { withBenchWorld } from './with-bench-world.ts';

export const backup: BenchCommand = {
  usage: '[--size GB] [--shape mixed|many-small|one-huge] [--rounds N] [--peers NAME,…|none] [--shell] [--json]',
  summary: 'a backup by coffre and by every peer that is installed (1.5 GB, mixed, 3 rounds)',
  async run(words, signal) {
    const options = optionsOf(words, {
      ...{ size: '1.5', shape: 'mixed', rounds: '3', peers: 'all', shell: false, json: false },
    });
    const bytes = positive('size', options.size) * 1e9;
    const rounds = Math.ceil(positive('rounds', options.rounds));
    const shape = shapeNamed(options.shape);
    const { present, absent } = chosenContestants(options.peers);
    for (const line of absent) say(`left out: ${line}`);
    say(
      `${present.map(({ name }) => name).join(', ')}: some ${formatDuration(estimateMs(present, bytes, rounds))} on two cores`,
    );
    return await withBenchWorld({ shape, bytes, shell: options.shell }, async (bench) => {
      const file = await resultsFile(`backup-${shape}-${options.size}GB`);
      const settings = {
        ...{ shape, rounds, dumpedBytes: bench.dumpedBytes, databases: bench.databases.length },
        machine: describeMachine(),
        versions: await describeVersions(
          bench,
          present.flatMap(({ programs }) => programs),
        ),
        offsite: options.shell ? 'SFTP and commands' : 'SFTP only',
        absent,
      };
      const aims = shape === 'mixed' && bytes === 1.5e9;
      const measured = await measure(bench, present, rounds, signal, async (measured) => {
        await file.write({ ...settings, standings: standingsOf(present, measured), measured });
      });
      const standings = standingsOf(present, measured);
      const text = `${formatStandings(present, standings, bench.dumpedBytes, aims)}\n\n${closing(settings, measured, file)}`;
      process.stdout.write(`${options.json ? JSON.stringify({ ...settings, standings, measured }, null, 2) : text}\n`);
      return measured.some(({ kind }) => kind === 'failed') ? 1 : 0;
    });
  },
};

/** Making the data takes about as long as a dump at 15 MB/s. */
function estimateMs(contestants: readonly Contestant[], bytes: number, rounds: number): number {
  const perRound = contestants.reduce((sum, { roughMBps }) => sum + bytes / 1e3 / roughMBps + 3000, 0);
  return perRound * rounds + bytes / 1e3 / 15;
}

async function measure(
  bench: BenchWorld,
  contestants: readonly Contestant[],
  rounds: number,
  signal: AbortSignal,
  keep: (measured: readonly Measurement[]) => Promise<void>,
): Promise<readonly Measurement[]> {
  const measured: Measurement[] = [];
  const from = performance.now();
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of turned(contestants, round - 1)) {
      const measurement = await measureOne(bench, contestant, round, signal);
      if (signal.aborted) return measured;
      measured.push(measurement);
      await keep(measured);
      const total = contestants.length * rounds;
      const leftMs = ((performance.now() - from) / measured.length) * (total - measured.length);
      const result = measurement.kind === 'taken' ? formatDuration(measurement.taken.wallMs) : measurement.why;
      say(`${measured.length} of ${total}: ${contestant.name}: ${result} (some ${formatDuration(leftMs)} to go)`);
    }
  }
  return measured;
}

/** One that fails does not keep the others from being measured. */
async function measureOne(
  bench: BenchWorld,
  contestant: Contestant,
  round: number,
  signal: AbortSignal,
): Promise<Measurement> {
  const which = { contestant: contestant.name, round };
  try {
    return { ...which, kind: 'taken', taken: await contestant.takeBackup(bench, signal) };
  } catch (error) {
    return { ...which, kind: 'failed', why: error instanceof Error ? error.message : String(error) };
  } finally {
    await contestant.clear(bench);
  }
}

function turned<Item>(items: readonly Item[], by: number): readonly Item[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

function closing(
  settings: { readonly machine: string; readonly versions: readonly string[]; readonly [key: string]: unknown },
  measured: readonly Measurement[],
  file: ResultsFile,
): string {
  const failures = measured.flatMap((each) =>
    each.kind === 'failed' ? [`FAILED: ${each.contestant}: ${each.why}`] : [],
  );
  const runs = measured.flatMap((each) => (each.kind === 'taken' && each.taken.manifest ? [each.taken] : []));
  const last = runs.at(-1);
  const phases = last?.manifest?.phases ?? [];
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const restMs = (last?.wallMs ?? 0) - phases.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const copies = last?.manifest?.copies.map(({ kind, verified }) => `${kind} ${verified}`) ?? [];
  const told = last && [
    `coffre: ${phases.map(({ name, durationMs }) => `${name} ${seconds(durationMs)}`).join(', ')}, all else ${seconds(restMs)}`,
    `copies: ${copies.join(', ')}; lock held ${last.manifest?.snapshot?.heldMs} ms`,
    `peak memory of coffre's own process: ${(Math.max(...runs.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0)} MB`,
  ];
  const { machine, versions, shape, dumpedBytes, databases, rounds, offsite, absent } = settings;
  const size = `${(Number(dumpedBytes) / 1e6).toFixed(0)} MB of SQL in ${databases} databases, ${shape}`;
  return [
    ...failures,
    ...(told ?? []),
    ...(absent as readonly string[]).map((line) => `left out: ${line}`),
    ...[
      machine,
      versions.join(', '),
      `${size}; ${rounds} rounds; coffre's offsite with ${offsite}`,
      `kept: ${file.path}`,
    ],
  ].join('\n');
}
