import type { Random } from '../fixture/random.ts';
import type { FaultWorld } from './fault-world.ts';
import type { Night } from './night.ts';
import type { Surroundings } from './surroundings.ts';

/** When a fault comes: as soon as a phase begins or ends, or after a part of the time that the phase usually takes. */
export type Moment =
  | { readonly kind: 'boundary'; readonly event: 'phase-started' | 'phase-ended'; readonly phase: string }
  | { readonly kind: 'inside'; readonly phase: string; readonly part: number };

/** What a fault finds when its moment has come. */
export interface Strike {
  readonly world: FaultWorld;
  readonly night: Night;
  readonly random: Random;
  /** Called when the night has ended, the last first: takes the fault away. */
  heal(undo: () => Promise<void> | void): void;
}

/** Something that can go wrong. */
export interface FaultKind {
  readonly name: string;
  /** How often it is drawn beside those of 1. */
  readonly weight?: number;
  /** The phases in which there is something to hit; all if absent. */
  readonly phases?: readonly string[];
  /** Whether the night gets its time from the world's time file. */
  readonly shiftsTime?: boolean;
  /** The rules of `validate` that are right to find an error of what has truly happened. */
  readonly rightRules?: readonly string[];
  isPossible(surroundings: Surroundings): boolean;
  /** Resolves with whether there was something to hit. */
  strike(at: Strike): Promise<boolean>;
}

export function describeMoment(moment: Moment): string {
  if (moment.kind === 'boundary') return `${moment.phase} ${moment.event === 'phase-started' ? 'begins' : 'ends'}`;
  return `${moment.phase} +${Math.round(moment.part * 100)}%`;
}
