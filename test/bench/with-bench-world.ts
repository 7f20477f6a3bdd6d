import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatDuration } from '../../lib/report/format.ts';
import { say } from './bench-command.ts';
import { type BenchWorld, type BenchWorldOptions, startBenchWorld } from './bench-world.ts';

/** Everything is in one temporary folder, which is gone afterwards, whatever happens. */
export async function withBenchWorld<Result>(
  options: Omit<BenchWorldOptions, 'folder'>,
  act: (bench: BenchWorld) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-bench-'));
  try {
    say(`making ${options.bytes / 1e9} GB of data of the shape ${options.shape} in ${folder}`);
    const from = performance.now();
    const bench = await startBenchWorld({ ...options, folder });
    try {
      const size = `${(bench.dumpedBytes / 1e6).toFixed(0)} MB of SQL`;
      say(`${size} in ${bench.databases.length} databases, made in ${formatDuration(performance.now() - from)}`);
      return await act(bench);
    } finally {
      await bench.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
