import { createInterface } from 'node:readline';
import { execute } from '../../lib/database/client.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { run, start, terminate } from '../../lib/system/command.ts';
import { requireProgram } from '../../lib/system/programs.ts';

export const OLTP_DATABASE = 'sbtest';

/** From when to when, by `performance.now()`. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A load of sysbench's `oltp_read_write`, for as long as it is wanted. */
export interface OltpLoad {
  /** What it did during `spans`: transactions a second, and the mean of each second's 95th percentile of their latency. */
  during(spans: readonly Span[]): { readonly tps: number; readonly p95Ms: number };
  stop(): Promise<void>;
}

interface Second {
  readonly atMs: number;
  readonly tps: number;
  readonly p95Ms: number;
}

const TABLES = ['--tables=4', '--table-size=50000'];

/** Makes four tables of 50,000 rows, and starts `threads` clients on them. Throws `program-missing` without sysbench. */
export async function startOltpLoad({ root, socket }: ThrowawayServer, threads: number): Promise<OltpLoad> {
  const program = requireProgram('sysbench');
  const server = [`--mysql-socket=${socket}`, '--mysql-user=root', `--mysql-db=${OLTP_DATABASE}`];
  const common = ['oltp_read_write', '--db-driver=mysql', ...server, ...TABLES];
  await execute(root, `CREATE DATABASE ${OLTP_DATABASE}`);
  const prepared = await run(program, [...common, 'prepare']);
  if (prepared.exitCode !== 0) throw new Error(`cannot prepare the load: ${prepared.stdout}${prepared.stderr}`);
  const running = start(program, [...common, `--threads=${threads}`, '--time=0', '--report-interval=1', 'run']);
  const seconds: Second[] = [];
  createInterface({ input: running.stdout }).on('line', (line) => {
    // [ 3s ] thds: 4 tps: 512.21 qps: 10251.20 (r/w/o: 7178.94/2047.84/1024.42) lat (ms,95%): 12.30 err/s: 0.00 reconn/s: 0.00
    const [, tps, p95] = / tps: ([\d.]+) .* lat \(ms,95%\): ([\d.]+) /.exec(line) ?? [];
    if (tps !== undefined) seconds.push({ atMs: performance.now(), tps: Number(tps), p95Ms: Number(p95) });
  });
  return {
    during(spans) {
      // A line tells of the second before it.
      const parts = spans.flatMap(({ fromMs, toMs }) =>
        seconds.map((each) => ({ ...each, ms: Math.min(toMs, each.atMs) - Math.max(fromMs, each.atMs - 1000) })),
      );
      const within = parts.filter(({ ms }) => ms > 0);
      const total = within.reduce((sum, { ms }) => sum + ms, 0);
      if (total === 0) throw new Error('cannot tell how the load went: sysbench said nothing meanwhile');
      const mean = (pick: (second: Second) => number) =>
        within.reduce((sum, each) => sum + (pick(each) * each.ms) / total, 0);
      return { tps: mean(({ tps }) => tps), p95Ms: mean(({ p95Ms }) => p95Ms) };
    },
    async stop() {
      terminate(running.child);
      await running.ended;
    },
  };
}
