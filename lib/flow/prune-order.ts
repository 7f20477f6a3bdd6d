import type { CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { Inventory } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import type { PlannedRun } from '../storage/plan-retention.ts';
import type { Clock } from '../system/clock.ts';
import type { HeldRuns } from './held-runs.ts';

export interface PruneOrder {
  readonly inventory: Inventory;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Only these of the places that the inventory names. */
  readonly only?: readonly string[];
  /** Plans, and removes nothing. */
  readonly dryRun: boolean;
}

/** What becomes of the runs at one place, and what has been done of it. */
export interface PlacePrune {
  readonly place: string;
  /** Whether nothing can be removed there but by the owner of the server, for whom this is the plan. */
  readonly byOwner: boolean;
  /** The oldest first. */
  readonly runs: readonly (PlannedRun & { readonly sealedBytes: number })[];
  readonly untrusted: HeldRuns['untrusted'];
  readonly removed: readonly RunId[];
  /** Why it could not be looked at, or not all of it could be removed. */
  readonly error: Pick<CoffreError, 'code' | 'message' | 'hint'> | null;
}
