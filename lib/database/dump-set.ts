import type { LaneRows } from '../model/lanes.ts';
import type { DatabaseName } from '../model/names.ts';
import type { BinlogPosition, DumpProcess } from './dump-process.ts';
import type { Lanes } from './lane-conditions.ts';
import { lanesIn, type PlannedGroup } from './plan-dumps.ts';
import { type DumpTools, startDump } from './start-dump.ts';

/** One run of the dump program. */
export interface RunningDump {
  readonly of:
    | { readonly kind: 'accounts' }
    | { readonly kind: 'group'; readonly databases: readonly DatabaseName[] }
    | { readonly kind: 'lane'; readonly database: DatabaseName; readonly rows: readonly LaneRows[] };
  readonly process: DumpProcess;
}

/** Dump programs that are to see one snapshot: started together, watched until each has its snapshot. */
export class DumpSet {
  readonly running: readonly RunningDump[];

  /** Starts all of them: the groups, their lanes, and the accounts. `lanes` has the conditions for lanes in `groups`. */
  constructor(tools: DumpTools, groups: readonly PlannedGroup[], lanes: Lanes, binlog: boolean) {
    const running: RunningDump[] = [];
    for (const group of groups) {
      const { databases } = group;
      const [database] = databases;
      const beside = lanesIn(group) === 0 ? [] : databases.flatMap((name) => lanes.get(name) ?? []);
      const withoutRows = tablesIn(beside);
      const process = startDump(tools, { kind: 'databases', databases, withoutRows }, binlog);
      running.push({ of: { kind: 'group', databases }, process });
      if (database === undefined) continue;
      for (const rows of beside) {
        const where = rows[0]?.where ?? null;
        const lane = { kind: 'lane', database, tables: tablesIn([rows]), where } as const;
        running.push({ of: { kind: 'lane', database, rows }, process: startDump(tools, lane, binlog) });
      }
    }
    running.push({ of: { kind: 'accounts' }, process: startDump(tools, { kind: 'accounts' }, binlog) });
    this.running = running;
  }

  /**
   * Until every program has its snapshot: their places in the binary log, in the order of `running`; null with the log
   * off. `late` when that takes longer than `limitMs`: then all are stopped.
   */
  async reachSnapshot(binlog: boolean, limitMs?: number): Promise<readonly (BinlogPosition | null)[] | 'late'> {
    let late = false;
    const stop = () => {
      late = true;
      this.stop();
    };
    const timer = limitMs === undefined ? undefined : setTimeout(stop, Math.max(0, limitMs));
    try {
      return await Promise.all(this.running.map(({ process }) => process.reachSnapshot(binlog)));
    } catch (error) {
      if (late) return 'late';
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    for (const { process } of this.running) process.stop();
  }

  /** Ends every dump that still runs, and waits for that. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all(this.running.map(({ process }) => process.gone()));
  }
}

/** The tables of lanes, each once. */
export function tablesIn(lanes: readonly (readonly LaneRows[])[]): readonly string[] {
  return [...new Set(lanes.flatMap((rows) => rows.map(({ table }) => table)))];
}

/** The databases that a program has a part in. */
export function databasesOf(of: RunningDump['of']): readonly DatabaseName[] {
  switch (of.kind) {
    case 'accounts':
      return [];
    case 'group':
      return of.databases;
    case 'lane':
      return [of.database];
  }
}
