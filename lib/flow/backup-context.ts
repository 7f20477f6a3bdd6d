import type { Emit } from '../model/event.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Clock } from '../system/clock.ts';

/** What every step of a run is handed. */
export interface BackupContext {
  readonly inventory: Inventory;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}
