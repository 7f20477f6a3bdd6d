/*
 * The peak of coffre's own process, without the dump programs and compressors, at sizes far apart: it may not grow with
 * the data. VmHWM of proc(5), the most that was ever resident.
 *
 * Exits 1 unless every peak is within 150 MB, and the highest at most a fifth above the lowest.
 */
import { formatTable } from '../../lib/report/table.ts';
import { type BenchCommand, describeMachine, optionsOf, positive, say } from './bench-command.ts';
import { COFFRE } from './coffre.ts';
import { shapeNamed } from './data.ts';
import { resultsFile } from './results-file.ts';
import { withBenchWorld } from './with-bench-world.ts';

const LIMIT_BYTES = 150e6;
const FLAT = 1.2;

export const memory: BenchCommand = {
  usage: '[--sizes GB,GB,…] [--shape mixed|many-small|one-huge] [--rounds N] [--shell] [--json]',
  summary: "the peak memory of coffre's own process (0.2, 1.5 and 10 GB, mixed, 2 rounds each)",
  async run(words, signal) {
    const options = optionsOf(words, { sizes: '0.2,1.5,10', shape: 'mixed', rounds: '2', shell: false, json: false });
    const sizes = options.sizes.split(',').map((size) => positive('sizes', size) * 1e9);
    const rounds = Math.ceil(positive('rounds', options.rounds));
    const shape = shapeNamed(options.shape);
    const file = await resultsFile(`memory-${shape}`);
    const measured: { readonly dumpedBytes: number; readonly wallMs: number; readonly peakBytes: number }[] = [];
    const results = () => ({ machine: describeMachine(), shape, measured, ...verdictOf(measured.map(peakOf)) });
    for (const bytes of sizes) {
      if (signal.aborted) break;
      await withBenchWorld({ shape, bytes, shell: options.shell }, async (bench) => {
        for (let round = 1; round <= rounds && !signal.aborted; round++) {
          const { wallMs, peakBytes } = await COFFRE.takeBackup(bench, signal);
          await COFFRE.clear(bench);
          measured.push({ dumpedBytes: bench.dumpedBytes, wallMs, peakBytes });
          say(`round ${round} of ${rounds}: ${megabytes(peakBytes)} MB`);
          await file.write(results());
        }
      }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    const rows = measured.map(({ dumpedBytes, wallMs, peakBytes }) => [
      ...[megabytes(dumpedBytes), (wallMs / 1000).toFixed(1), megabytes(peakBytes)],
    ]);
    const { flat, verdict, machine } = results();
    const table = formatTable(['MB of SQL', 'seconds', 'peak MB'], rows);
    process.stdout.write(
      `${options.json ? JSON.stringify(results(), null, 2) : `${table}\n\n${verdict}\n${machine}, ${shape}\nkept: ${file.path}`}\n`,
    );
    return flat ? 0 : 1;
  },
};

function peakOf({ peakBytes }: { readonly peakBytes: number }): number {
  return peakBytes;
}

function verdictOf(peaks: readonly number[]): { readonly flat: boolean; readonly verdict: string } {
  const [least, most] = [Math.min(...peaks), Math.max(...peaks)];
  const flat = peaks.length > 0 && most <= LIMIT_BYTES && most <= least * FLAT;
  const wanted = 'within 150 MB, and within a fifth of each other';
  return { flat, verdict: flat ? wanted : `NOT ${wanted}` };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
