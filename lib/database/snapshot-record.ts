import { CoffreError } from '../model/error.ts';
import type { SnapshotRecord } from '../model/snapshot-record.ts';
import type { BarrierKind } from './barrier.ts';
import type { BinlogPosition } from './dump-process.ts';
import type { RunningDump } from './dump-set.ts';
import type { LeftBarrier, StartedDumps } from './start-under-barrier.ts';

/**
 * What is said of a snapshot in the manifest. Without a barrier only what reads rows has to agree, and that is one
 * program. Throws `dump-failed` as `samePosition`.
 */
export function snapshotRecord(
  { set, positions, gtid, heldMs, waitedMs }: StartedDumps,
  barrier: BarrierKind,
  left: LeftBarrier | undefined,
  lockedTables: number,
): SnapshotRecord {
  const agreeing = left ? positions.slice(0, 1) : positions;
  return {
    barrier: left ? 'single-dump' : barrier,
    heldMs,
    waitedMs: waitedMs + (left?.waitedMs ?? 0),
    fallback: left?.reason ?? null,
    binlog: samePosition(agreeing),
    gtid,
    dumps: agreeing.length,
    lockedTables,
    positions: set.running.map(({ of }, index) => ({ ...describe(of), binlog: positions[index] ?? null })),
  };
}

type Described = Omit<NonNullable<SnapshotRecord['positions']>[number], 'binlog'>;

function describe(of: RunningDump['of']): Described {
  switch (of.kind) {
    case 'accounts':
      return { kind: 'accounts', databases: 0, table: null, part: null };
    case 'group':
      return { kind: 'group', databases: of.databases.length, table: null, part: null };
    case 'lane': {
      const [first, ...others] = of.rows;
      const only = others.length === 0 ? first : undefined;
      const place = { table: only?.table ?? null, part: only?.part ?? null };
      return { kind: 'lane', databases: 1, ...place, tables: of.rows.length };
    }
  }
}

/** The one position of all dumps. Throws `dump-failed` when they differ: then there is no snapshot. */
export function samePosition(positions: readonly (BinlogPosition | null)[]): BinlogPosition | null {
  const [first = null] = positions;
  const same = positions.every((each) => each?.file === first?.file && each?.position === first?.position);
  if (same) return first;
  throw new CoffreError('dump-failed', 'cannot take one snapshot: the dumps report different binary log positions', {
    hint: 'run the backup again',
  });
}
