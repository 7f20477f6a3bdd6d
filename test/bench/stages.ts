/*
 * How fast each stage of a backup is alone, and the whole: which of them is the limit.
 *
 *   npm run bench -- stages [--size GB] [--json]
 *
 * Everything is in MB (10^6) of SQL a second, so that the figures can be compared: what works on ciphertext is credited
 * with the SQL behind it. `passes` says how often a run does it with every byte; `s/GB` is what a run spends there for
 * each GB of SQL, all passes together, and the stage that has most of it is named. `own CPU` is what this process takes,
 * without the programs that it starts: in a run, where the stages share the cores and overlap, that is what adds up.
 *
 * The files that a stage reads are in the page cache. SFTP is to a server on this machine, with the cost of its ciphers
 * and without that of a line.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from '../../lib/report/table.ts';
import { expectBulkData } from '../../lib/system/memory.ts';
import { startBenchWorld } from './bench-world.ts';
import { coffre } from './contestants.ts';
import { measureStages, type StageFigure } from './measure-stages.ts';

/** Carries out `npm run bench -- stages` with the words behind `stages`. */
export async function benchStages(args: readonly string[]): Promise<void> {
  const options = { size: { type: 'string', default: '0.5' }, json: { type: 'boolean', default: false } } as const;
  const { values } = parseArgs({ args: [...args], options });
  expectBulkData(); // as a task does
  const folder = await mkdtemp(join(tmpdir(), 'coffre-stages-'));
  try {
    process.stderr.write(`bench: making ${values.size} GB of data in ${folder}\n`);
    const bench = await startBenchWorld(folder, Number(values.size) * 1e9, false);
    try {
      const { contractor } = bench.world;
      const figures: StageFigure[] = [];
      for await (const figure of measureStages({ ...bench, contractor, folder: join(folder, 'stages') })) {
        process.stderr.write(`bench: ${figure.stage}: ${(figure.wallMs / 1000).toFixed(1)} s\n`);
        figures.push(figure);
      }
      const whole = { wallMs: (await coffre(bench)).wallMs, sqlBytes: bench.dumpedBytes };
      const limit = slowest(figures);
      const told = values.json
        ? JSON.stringify({ versions: bench.versions, figures, whole, slowest: limit?.stage }, null, 2)
        : `${tableOf(figures, whole)}\n\nslowest: ${limit?.stage}\n${bench.versions.join(', ')}`;
      process.stdout.write(`${told}\n`);
    } finally {
      await bench.world.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function slowest(figures: readonly StageFigure[]): StageFigure | undefined {
  return figures.reduce<StageFigure | undefined>(
    (worst, figure) => (worst && secondsPerGb(worst) >= secondsPerGb(figure) ? worst : figure),
    undefined,
  );
}

/** What a run spends there for each GB of SQL. */
function secondsPerGb({ passes, wallMs, sqlBytes }: StageFigure): number {
  return (passes * wallMs * 1e6) / sqlBytes;
}

function tableOf(figures: readonly StageFigure[], whole: Pick<StageFigure, 'wallMs' | 'sqlBytes'>): string {
  const speed = ({ wallMs, sqlBytes }: Pick<StageFigure, 'wallMs' | 'sqlBytes'>) =>
    (sqlBytes / 1e3 / wallMs).toFixed(0);
  const rows = figures.map((figure) => [
    figure.stage,
    speed(figure),
    String(figure.passes),
    figure.passes === 0 ? '' : secondsPerGb(figure).toFixed(2),
    figure.passes === 0 ? '' : ((figure.passes * figure.cpuMs * 1e6) / figure.sqlBytes).toFixed(2),
  ]);
  const all = [
    'coffre backup, the whole',
    speed(whole),
    '',
    secondsPerGb({ ...whole, passes: 1 } as StageFigure).toFixed(2),
    '',
  ];
  return formatTable(['stage', 'MB/s of SQL', 'passes', 's/GB', 'own CPU s/GB'], [...rows, all]);
}
