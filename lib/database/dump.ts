import type { LanedTables } from '../model/lanes.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import type { DumpStream } from '../model/stages.ts';
import type { NonTransactionalTable } from './read-storage.ts';

/** What is dumped of one database, or the accounts. */
export interface Dump {
  /** null for the accounts. */
  readonly database: DatabaseName | null;
  /** The databases that have to be loaded before it. */
  readonly after: readonly DatabaseName[];
  /** What the server had at the snapshot. */
  readonly expected: ObjectCounts;
  /** Tables whose rows may be newer than the snapshot, because their engine has no transactions. */
  readonly notPointInTime: readonly NonTransactionalTable[];
  /** Tables whose rows are not in the stream of the dumper, but here; null when there are none. */
  readonly laned: LanedTables | null;
  /** All programs that have a part in it, as places in the record's `positions`. */
  readonly dumpers: readonly number[];
}

/** One run of the dump program, for one database or several, one after another in this order, or for the accounts. */
export interface Dumper {
  readonly dumps: readonly Dump[];
  /** Can be read once. Throws when the dump is not complete, at its end at the latest. */
  readonly stream: DumpStream;
}
