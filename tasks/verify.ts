import { randomInt } from 'node:crypto';
import { publishVerification } from '../lib/flow/publish-verification.ts';
import { selectHosts } from '../lib/flow/select-hosts.ts';
import { verify, type WantedRuns } from '../lib/flow/verify.ts';
import { CoffreError, ERRORS } from '../lib/model/error.ts';
import { RunId } from '../lib/model/run-id.ts';
import { formatVerification, verificationExit } from '../lib/report/verification.ts';
import { systemClock } from '../lib/system/clock.ts';
import { inventoryOf } from './inventory-option.ts';

import { listOf, runTask, textOf } from './run-task.ts';

import type { TaskContext } from './task.ts';

await runTask({
  verb: 'verify',
  usage: '[host …|--all] [--from PLACE]',
  summary: `Reads the copies of runs at every place of a host and compares them with the signed manifests: every file, every byte,
and that nothing is gone which a manifest says is there. All of it is read here, also what lies on an offsite; with
--sample that is some random segments of 8 MiB of each sealed file, and how likely that misses a damage is told. With
--run it tells which copies would restore that run right now. Needs no private key, and changes nothing; with
--publish, on the host itself, what was found goes on record in the audit repository. Exit code 5 when a copy is not what
it should be, 7 when a place cannot be read, 3 when what was found is not published yet.`,
  options: {
    all: 'all hosts of the inventory',
    from: '=…PLACE  store, export, offsite:<name>, or a folder; can be given several times (default: all of the host)',
    run: '=RUN  such as 2026-11-22T040000Z, or latest: the newest at each place (default: all runs)',
    sample: '=N  read N random segments of each sealed file (default: all of them)',
    publish: "sign what was found with the host's key, and publish it; on that host alone",
  },
  examples: [
    'db1',
    'db1 --run latest',
    '--all --sample 3 --json',
    'db1 --publish',
    'db1 --from /mnt/usb/2026-11-22T040000Z',
  ],
  async run({ values, words, emit, signal }) {
    const inventory = await inventoryOf(values);
    const hosts = selectHosts(inventory, words, values.all === true);
    const [runs, sample] = [runsOf(values), sampleOf(values)];
    const order = { inventory, hosts, from: listOf(values, 'from'), runs, sample, random: randomInt, emit, signal };
    const { places, trouble } =
      values.publish === true
        ? await publishVerification(order, systemClock)
        : { places: await verify(order), trouble: null };
    const exitCode = verificationExit(places) || (trouble === null ? 0 : ERRORS[trouble.code].exit);
    return { text: formatVerification(places, { sample, isOneRun: runs.kind !== 'all' }), data: places, exitCode };
  },
});

function runsOf(values: TaskContext['values']): WantedRuns {
  const named = textOf(values, 'run');
  if (named === undefined) return { kind: 'all' };
  if (named === 'latest') return { kind: 'latest' };
  const run = RunId.safeParse(named);
  if (run.success) return { kind: 'one', run: run.data };
  throw new CoffreError('usage', 'cannot read --run', { hint: 'such as --run 2026-11-22T040000Z, or --run latest' });
}

function sampleOf(values: TaskContext['values']): number | null {
  const named = textOf(values, 'sample');
  if (named === undefined) return null;
  if (/^[1-9]\d{0,8}$/.test(named)) return Number(named);
  throw new CoffreError('usage', 'cannot read --sample', { hint: 'a number of segments, such as --sample 3' });
}
