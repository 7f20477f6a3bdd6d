import type { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { RunId } from '../model/run-id.ts';
import type { BackupContext } from './backup-context.ts';
import type { Following } from './follow-export.ts';
import { RunRecord } from './run-record.ts';
import { RunStore } from './run-store.ts';

/** What the phases of one run share. */
export class RunUnderWay {
  /** As the inventory has it. */
  readonly given: HostConfig;
  readonly store: RunStore;
  readonly context: BackupContext;
  readonly record: RunRecord;
  /** The uploads that go on beside the dumps. */
  following: Following | undefined;
  /** Whether the store has gone when all was in it, so that the run is in the day archive of the export alone. */
  onlyInExport = false;

  constructor(given: HostConfig, run: RunId, context: BackupContext) {
    this.given = given;
    this.store = new RunStore(given, run, context);
    this.context = context;
    this.record = new RunRecord(given, run, context);
  }

  /** With the store that this run writes to. */
  get host(): HostConfig {
    return this.store.host;
  }

  /** From here on the run is one whose store is owed. */
  goOnWithout(lost: CoffreError): void {
    this.record.host = this.host;
    this.record.standIn = true;
    this.record.owe('store', lost, this.record.phase);
  }
}
