import type { Emit } from '../model/event.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Clock } from '../system/clock.ts';

/** What every step of a run is handed. */
export interface BackupContext {
  readonly inventory: Inventory;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** The host whose lock of the store is broken, should it hold it and give no sign of life. */
  readonly breakLockOf?: string;
  /**
   * Called once every dump has its snapshot, to give way to others from then on. Not before: while the dumps begin, the
   * server holds commits back, and a run with a low priority would let it wait on a busy machine (measured: 3 s instead of
   * 0.3 s at a niceness of 10, with eight processes wanting each core).
   */
  readonly giveWay?: () => Promise<void>;
}
