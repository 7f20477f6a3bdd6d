import { type DrawnFault, drawFaults, type Wish } from './draw.ts';
import { type FaultWorld, startFaultWorld } from './fault-world.ts';
import { carryOut, describeMoment, keepWorld, type Outcome } from './one-fault.ts';
import type { Surroundings } from './surroundings.ts';

export interface Campaign extends Wish {
  /** How many worlds are at work at the same time. */
  readonly worlds: number;
  /** Every so many-th fault is looked at thoroughly: with restores, and with a look at the raw disks. */
  readonly thoroughEvery: number;
  /** Only the fault of this index. */
  readonly only?: number;
  /** Where is kept what there is of those that did not survive. */
  readonly keep?: string;
  readonly signal?: AbortSignal;
  tell(outcome: Outcome, tookMs: number): void;
}

/** Lets all faults of the seed befall. A fault that found nothing to hit has no moment, and counts for nothing. */
export async function runCampaign(surroundings: Surroundings, campaign: Campaign): Promise<readonly Outcome[]> {
  const drawn = drawFaults(campaign);
  const left = drawn.filter(({ index }) => campaign.only === undefined || index === campaign.only);
  const outcomes: Outcome[] = [];
  const worlds: FaultWorld[] = [];
  const work = async (number: number) => {
    let world = await begin(`w${number}`);
    for (let fault = left.shift(); fault && !campaign.signal?.aborted; fault = left.shift()) {
      const from = performance.now();
      const current = fault;
      const outcome = await carryOut(world, fault, fault.index % campaign.thoroughEvery === 0).catch((error: unknown) =>
        brokenBy(current, error),
      );
      outcomes.push(outcome);
      if (outcome.findings.length > 0 && campaign.keep !== undefined) await keepWorld(world, outcome, campaign.keep);
      campaign.tell(outcome, performance.now() - from);
      // Nobody knows what is left of a world in which the suite itself could not go on.
      if (outcome.isBroken && left.length > 0) world = await begin(`w${number}-${fault.index}`);
    }
  };
  const begin = async (name: string) => {
    const world = await startFaultWorld(surroundings, name);
    worlds.push(world);
    return world;
  };
  try {
    const count = Math.min(campaign.worlds, left.length);
    await Promise.all(Array.from({ length: count }, (_, number) => work(number + 1)));
  } finally {
    for (const world of worlds) await world.stop();
  }
  return outcomes.sort((one, other) => one.fault.index - other.fault.index);
}

/** What the suite itself fails at is not survived either. */
function brokenBy(fault: DrawnFault, error: unknown): Outcome {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const [moment] = fault.moments;
  return { fault, moment, ends: [], findings: [`the suite could not go on: ${text}`], said: '', isBroken: true };
}

/** Those that hit something. */
export function injected(outcomes: readonly Outcome[]): readonly Outcome[] {
  return outcomes.filter(({ moment }) => moment !== undefined);
}

export function lineOf({ fault, moment, ends, findings }: Outcome): string {
  const where = moment ? describeMoment(moment) : 'nothing to hit, does not count';
  const what = moment ? `${ends.join(', then ')}` : '';
  const verdict = moment === undefined ? '' : findings.length === 0 ? 'survived' : 'NOT SURVIVED';
  const line = `${`${fault.index}`.padStart(4)}  ${fault.kind.name.padEnd(24)} ${where.padEnd(18)} ${verdict.padEnd(8)} ${what}`;
  return [line.trimEnd(), ...findings.map((finding) => `      ${finding}`)].join('\n');
}

/** How many of how many survived, by kind and phase. */
export function tableOf(outcomes: readonly Outcome[], phases: readonly string[]): string {
  const kinds = [...new Set(outcomes.map(({ fault }) => fault.kind.name))].sort();
  const cell = (of: readonly Outcome[]) =>
    of.length === 0 ? '·' : `${of.filter(({ findings }) => findings.length === 0).length}/${of.length}`;
  const row = (name: string, of: readonly Outcome[]) =>
    [
      name.padEnd(26),
      ...phases.map((phase) => cell(of.filter(({ moment }) => moment?.phase === phase)).padStart(9)),
      cell(of).padStart(9),
    ].join(' ');
  return [
    ['kind'.padEnd(26), ...[...phases, 'all'].map((phase) => phase.padStart(9))].join(' '),
    ...kinds.map((kind) =>
      row(
        kind,
        outcomes.filter(({ fault }) => fault.kind.name === kind),
      ),
    ),
    row('all', outcomes),
  ].join('\n');
}
