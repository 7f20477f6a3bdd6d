/*
 * What a backup costs a server that is at work: sysbench's oltp_read_write runs all the time, on tables of its own beside
 * the data, and takes turns with nothing else, with coffre's backup, and with each peer's, several rounds. A backup that is
 * over before its turn is gets another go.
 *
 * `of idle` is the load's transactions a second as a part of those in the same round's idle turn. `lost` are the
 * transactions that one backup has cost in all: a short backup may take more a second and still cost less. `longest
 * wait` is of a writer beside sysbench, which changes one row two hundred times a second.
 *
 * Exits 1 unless coffre's lock is held for at most a second, no writer waits longer than that, and the load suffers no
 * more than from plain mariadb-dump, which neither compresses nor encrypts nor ships.
 */
import { sleep } from '../../lib/system/clock.ts';
import { type BenchCommand, describeMachine, describeVersions, optionsOf, positive, say } from './bench-command.ts';
import type { BenchWorld } from './bench-world.ts';
import { chosenContestants } from './chosen-contestants.ts';
import type { Contestant } from './contestant.ts';
import { shapeNamed } from './data.ts';
import { formatTurns, IDLE, type Turn, turnsVerdict } from './load-turns.ts';
import { OLTP_DATABASE, type OltpLoad, type Span, startOltpLoad } from './oltp-load.ts';
import { resultsFile } from './results-file.ts';
import { withBenchWorld } from './with-bench-world.ts';
import { startWriterProbe, type WriterProbe } from './writer-probe.ts';

const WARM_UP_MS = 5000;
const PAUSE_MS = 2000;

export const load: BenchCommand = {
  usage: '[--size GB] [--shape SHAPE] [--rounds N] [--seconds N] [--threads N] [--peers NAME,…] [--shell] [--json]',
  summary:
    'what a backup costs a server at work, and how long a writer waits (0.5 GB, mixed, 3 rounds of 20 s turns, 4 threads)',
  async run(words, signal) {
    const options = optionsOf(words, {
      ...{ size: '0.5', shape: 'mixed', rounds: '3', seconds: '20', threads: '4' },
      ...{ peers: 'dump,pipeline-igzip', shell: false, json: false },
    });
    const number = (name: 'size' | 'rounds' | 'seconds' | 'threads') => positive(name, options[name]);
    const { present, absent } = chosenContestants(options.peers);
    for (const line of absent) say(`left out: ${line}`);
    const shape = shapeNamed(options.shape);
    return await withBenchWorld({ shape, bytes: number('size') * 1e9, shell: options.shell }, async (bench) => {
      const file = await resultsFile(`load-${shape}-${options.size}GB`);
      const settings = {
        ...{ shape, dumpedBytes: bench.dumpedBytes, threads: number('threads'), turnSeconds: number('seconds') },
        ...{ machine: describeMachine(), versions: await describeVersions(bench, ['sysbench']), absent },
      };
      const turns: Turn[] = [];
      await underLoad(bench, number('threads'), async (oltp, probe) => {
        for (let round = 1; round <= number('rounds'); round++) {
          for (const contestant of [null, ...present]) {
            const turn = await takeTurn({
              bench,
              oltp,
              probe,
              contestant,
              round,
              turnMs: number('seconds') * 1000,
              signal,
            });
            if (turn === undefined) return;
            turns.push(turn);
            await file.write({ ...settings, verdict: turnsVerdict(turns), turns });
            say(`round ${round}: ${turn.name}: ${turn.tps.toFixed(0)} transactions/s`);
          }
        }
      });
      const verdict = turnsVerdict(turns);
      const size = `${(bench.dumpedBytes / 1e6).toFixed(0)} MB of SQL, ${shape}; ${options.threads} threads of sysbench oltp_read_write`;
      const closing = [verdict.text, settings.machine, settings.versions.join(', '), size, `kept: ${file.path}`].join(
        '\n',
      );
      const text = `${formatTurns(turns)}\n\n${closing}`;
      process.stdout.write(`${options.json ? JSON.stringify({ ...settings, verdict, turns }, null, 2) : text}\n`);
      return verdict.met ? 0 : 1;
    });
  },
};

/** With the load's tables among the databases that every peer backs up, as coffre does. */
async function underLoad(
  bench: BenchWorld,
  threads: number,
  act: (oltp: OltpLoad, probe: WriterProbe) => Promise<void>,
): Promise<void> {
  const probe = await startWriterProbe(bench.world.server.root);
  try {
    const oltp = await startOltpLoad(bench.world.server, threads);
    try {
      await sleep(WARM_UP_MS);
      await act(oltp, probe);
    } finally {
      await oltp.stop();
    }
  } finally {
    await probe.stop();
  }
}

interface TurnOrder {
  readonly bench: BenchWorld;
  readonly oltp: OltpLoad;
  readonly probe: WriterProbe;
  /** null for the turn in which nobody takes a backup. */
  readonly contestant: Contestant | null;
  readonly round: number;
  readonly turnMs: number;
  readonly signal: AbortSignal;
}

/** Undefined when it was interrupted. */
async function takeTurn(order: TurnOrder): Promise<Turn | undefined> {
  const { oltp, probe, contestant, round, turnMs, signal } = order;
  const bench = { ...order.bench, databases: [...order.bench.databases, OLTP_DATABASE] };
  const spans: Span[] = [];
  const held: number[] = [];
  const from = performance.now();
  try {
    if (contestant === null) {
      await sleep(turnMs, signal);
      spans.push({ fromMs: from, toMs: performance.now() });
    }
    while (contestant !== null && performance.now() - from < turnMs) {
      const { startedMs, wallMs, manifest } = await contestant.takeBackup(bench, signal);
      spans.push({ fromMs: startedMs, toMs: startedMs + wallMs });
      if (manifest?.snapshot) held.push(manifest.snapshot.heldMs);
      await contestant.clear(bench);
    }
    await sleep(PAUSE_MS, signal); // sysbench tells a second when it is over
  } catch (error) {
    await contestant?.clear(bench);
    if (signal.aborted) return undefined;
    throw error;
  }
  const total = spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return {
    name: contestant?.name ?? IDLE,
    round,
    ...oltp.during(spans),
    heldMs: held.length > 0 ? Math.max(...held) : null,
    backupMs: contestant === null ? null : total / spans.length,
    longestWaitMs: Math.max(...spans.map(({ fromMs, toMs }) => probe.longestBetween(fromMs, toMs))),
  };
}
