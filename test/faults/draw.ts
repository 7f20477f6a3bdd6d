import { type Random, randomOf } from '../fixture/random.ts';
import type { FaultKind, Moment } from './fault.ts';
import { END, PHASES, START } from './fault-world.ts';

export interface DrawnFault {
  readonly index: number;
  readonly kind: FaultKind;
  /** What may be tried, in this order: a moment at which there is nothing to hit does not count, and the next one is drawn. */
  readonly moments: readonly Moment[];
  readonly random: Random;
}

export interface Wish {
  readonly seed: number;
  readonly count: number;
  readonly kinds: readonly FaultKind[];
  /** Only moments of this phase. */
  readonly phase?: string;
}

const TRIES = 6;
const ROUND = 100;

/**
 * The faults of a seed: pure, and the first ones are the same whatever the count. Every kind has its turn before any comes
 * again, as often as its weight says, and goes through all its moments before it begins again with them: at each boundary,
 * and as often inside of a phase.
 */
export function drawFaults({ seed, count, kinds, phase }: Wish): readonly DrawnFault[] {
  const random = randomOf(seed);
  const faults: DrawnFault[] = [];
  const seen = new Map<FaultKind, Moment[]>();
  const credit = new Map<FaultKind, number>();
  const fitting = kinds.filter((kind) => momentsOf(kind, phase).length > 0);
  if (fitting.length === 0) return [];
  while (faults.length < count) {
    for (const kind of random.shuffled(fitting)) {
      const due = (credit.get(kind) ?? 0) + (kind.weight ?? 1);
      credit.set(kind, due - Math.floor(due + 1e-9));
      for (let times = Math.floor(due + 1e-9); times > 0; times -= 1) {
        const left = seen.get(kind) ?? [];
        if (left.length < TRIES) left.push(...random.shuffled(momentsOf(kind, phase)));
        seen.set(kind, left);
        const [first, ...others] = left;
        left.shift();
        const own = randomOf(seed * 1_000_003 + faults.length);
        const moments = [first, ...others].slice(0, TRIES).flatMap((moment) => (moment ? [placed(moment, own)] : []));
        faults.push({ index: faults.length + 1, kind, moments, random: own });
      }
    }
  }
  return faults.slice(0, count);
}

function momentsOf({ phases = [START, ...PHASES, END] }: FaultKind, only: string | undefined): readonly Moment[] {
  const wanted = phases.filter((phase) => only === undefined || phase === only);
  return wanted.flatMap((phase): Moment[] => {
    const inside = { kind: 'inside' as const, phase, part: 0 };
    if (phase === START || phase === END) return [inside];
    const boundary = { kind: 'boundary' as const, phase };
    return [{ ...boundary, event: 'phase-started' }, inside, inside, { ...boundary, event: 'phase-ended' }];
  });
}

function placed(moment: Moment, random: Random): Moment {
  return moment.kind === 'inside' ? { ...moment, part: random.below(ROUND) / ROUND } : moment;
}
