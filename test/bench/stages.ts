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
import { join } from 'node:path';
import { clientArguments, connectionOf } from '../../lib/database/connection.ts';
import { formatTable } from '../../lib/report/table.ts';
import { expectBulkData } from '../../lib/system/memory.ts';
import { type BenchCommand, describeMachine, describeVersions, optionsOf, positive, say } from './bench-command.ts';
import { COFFRE } from './coffre.ts';
import { shapeNamed } from './data.ts';
import { measureStages, type StageFigure } from './measure-stages.ts';
import { withBenchWorld } from './with-bench-world.ts';

export const stages: BenchCommand = {
  usage: '[--size GB] [--shape mixed|many-small|one-huge] [--json]',
  summary: 'each stage of a backup alone, in MB/s of SQL, and the whole (0.5 GB, mixed)',
  async run(words, signal) {
    const options = optionsOf(words, { size: '0.5', shape: 'mixed', json: false });
    const bytes = positive('size', options.size) * 1e9;
    expectBulkData(); // as a task does
    const told = await withBenchWorld({ shape: shapeNamed(options.shape), bytes, shell: false }, async (bench) => {
      const figures: StageFigure[] = [];
      const material = {
        databases: bench.databases,
        clientArguments: await clientArguments(connectionOf(bench.host.database)),
        contractor: bench.world.contractor,
        folder: join(bench.world.folder, 'stages'),
      };
      for await (const figure of measureStages(material)) {
        signal.throwIfAborted();
        say(`${figure.stage}: ${(figure.wallMs / 1000).toFixed(1)} s`);
        figures.push(figure);
      }
      const { wallMs } = await COFFRE.takeBackup(bench, signal);
      const whole = { wallMs, sqlBytes: bench.dumpedBytes };
      const limit = slowest(figures);
      const [machine, versions] = [describeMachine(), await describeVersions(bench, ['pigz', 'zstd'])];
      return options.json
        ? JSON.stringify({ machine, versions, figures, whole, slowest: limit?.stage }, null, 2)
        : `${tableOf(figures, whole)}\n\nslowest: ${limit?.stage}\n${machine}\n${versions.join(', ')}`;
    });
    process.stdout.write(`${told}\n`);
    return 0;
  },
};

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
