import type { DatabaseName } from '../model/names.ts';

/** A table whose rows can be dumped beside its database. */
export interface MovableTable {
  readonly table: string;
  /** The first column of its primary key where that is an integer, by whose ranges several programs can dump it. */
  readonly key: string | null;
  /** The server's estimate, without indexes. */
  readonly dataBytes: number;
}

export interface DatabaseToPlan {
  readonly name: DatabaseName;
  /** The server's estimate, without indexes. */
  readonly dataBytes: number;
  /** The largest ones. */
  readonly tables: readonly MovableTable[];
}

/** A table whose rows are dumped beside its database, by `parts` programs: two at least. */
export interface SplitTable {
  readonly table: string;
  readonly key: string;
  readonly parts: number;
}

/** One run of the dump program for all of `databases`; one database only where tables of it are dumped in lanes. */
export interface PlannedGroup {
  readonly databases: readonly DatabaseName[];
  readonly split: readonly SplitTable[];
  /** Tables that are dumped whole, by a program for each batch: one table after another. */
  readonly batches: readonly (readonly string[])[];
}

export interface DumpPlan {
  readonly groups: readonly PlannedGroup[];
}

export interface PlanOptions {
  /** Shares that all bytes are divided into: a program each, and some more where they do not come out even. */
  readonly parallel: number;
  /** Dump programs that somebody allows at a time: then not even one more. */
  readonly most?: number | undefined;
  /** Dump programs that there are connections for, at least one: never more. */
  readonly limit: number;
}

/** Below this a second program costs more than it brings. */
const SMALLEST_TABLE_BYTES = 64 * 1024 * 1024;
const SMALLEST_LANE_BYTES = 32 * 1024 * 1024;
/** What a database costs however little is in it, so that five hundred empty ones are spread, too. */
const DATABASE_BYTES = 256 * 1024;

/**
 * Which programs dump what, so that none has much more than its share of all bytes: databases in groups, and of a
 * database that is more than a share tables in lanes: a large one in parts, others in batches. Every database is in exactly one group. The databases of a
 * group keep the order that they are given in. There may be up to two programs for each that is wanted where shares do
 * not come out even, because all work at the same time, and what counts is that no long one is left over at the end; but never more than `most`.
 */
export function planDumps(databases: readonly DatabaseToPlan[], { parallel, most, limit }: PlanOptions): DumpPlan {
  for (let wanted = parallel; wanted > 1; wanted -= 1) {
    const plan = planFor(databases, wanted, most === undefined ? undefined : Math.min(most, limit));
    if (rowDumpers(plan) <= limit) return plan;
  }
  return planFor(databases, 1, undefined);
}

/** Programs of a plan that read rows: all but the one for the accounts. */
export function rowDumpers({ groups }: DumpPlan): number {
  return sum(groups.map((group) => 1 + lanesIn(group)));
}

/** Programs that dump rows of a group's database beside it. */
export function lanesIn({ split, batches }: PlannedGroup): number {
  return batches.length + sum(split.map(({ parts }) => parts));
}

/** All databases in one program: what is left when no lock is to be had. */
export function singleDumpPlan(databases: readonly DatabaseName[]): DumpPlan {
  return { groups: databases.length === 0 ? [] : [{ databases, ...NO_LANES }] };
}

/** The plan for the databases that there are now: what has come meanwhile joins the group with the fewest databases. */
export function adjustPlan({ groups }: DumpPlan, present: readonly DatabaseName[]): DumpPlan {
  const planned = new Set(groups.flatMap((group) => group.databases));
  const there = new Set(present);
  const kept = groups
    .map((group) => ({ ...group, databases: group.databases.filter((name) => there.has(name)) }))
    .filter(({ databases }) => databases.length > 0);
  const late = present.filter((name) => !planned.has(name));
  if (late.length === 0) return { groups: kept };
  const [host] = kept.filter((group) => lanesIn(group) === 0).sort((a, b) => a.databases.length - b.databases.length);
  const joined = (group: PlannedGroup) => ({ databases: [...group.databases, ...late], ...NO_LANES });
  if (host) return { groups: kept.map((each) => (each === host ? joined(each) : each)) };
  // Then each group is a large database with lanes: a lane is given up, so that there are no more programs than before.
  const [large, ...others] = kept;
  if (!large) return singleDumpPlan(late);
  return { groups: [joined(large), ...others] };
}

const NO_LANES = { split: [], batches: [] } as const;

function planFor(databases: readonly DatabaseToPlan[], wanted: number, most: number | undefined): DumpPlan {
  if (wanted === 1) return singleDumpPlan(databases.map(({ name }) => name));
  const share = sum(databases.map(weightOf)) / wanted;
  let programs = most ?? 2 * wanted;
  // Of a number that must not be exceeded, one is kept for the databases that have no lanes.
  const kept = most !== undefined && databases.length > 1 ? 1 : 0;
  const laned: PlannedGroup[] = [];
  const others: DatabaseToPlan[] = [];
  for (const database of databases) {
    const group = { databases: [database.name], ...lanesOf(database, share, wanted, programs - kept - 1) };
    const lanes = lanesIn(group);
    if (lanes === 0) others.push(database);
    else laned.push(group);
    programs -= lanes === 0 ? 0 : 1 + lanes;
  }
  const shares = Math.max(1, Math.ceil(sum(others.map(weightOf)) / share));
  const groups = Math.min(wanted, others.length, shares, most === undefined ? wanted : programs);
  return { groups: [...laned, ...grouped(others, groups)] };
}

/** Tables of more than a share in parts, and as many of the others beside the database as it takes to come to a share. */
function lanesOf(
  { dataBytes, tables }: DatabaseToPlan,
  share: number,
  wanted: number,
  programs: number,
): Pick<PlannedGroup, 'split' | 'batches'> {
  const split: SplitTable[] = [];
  const whole: MovableTable[] = [];
  let leftBytes = dataBytes;
  let free = programs;
  for (const movable of [...tables].sort((a, b) => b.dataBytes - a.dataBytes)) {
    const { table, key, dataBytes: bytes } = movable;
    const parts = Math.min(wanted, free, Math.ceil(bytes / share), Math.floor(bytes / SMALLEST_LANE_BYTES));
    if (key === null || bytes < SMALLEST_TABLE_BYTES || parts < 2) {
      whole.push(movable);
      continue;
    }
    split.push({ table, key, parts });
    leftBytes -= bytes;
    free -= parts;
  }
  const worthwhile = Math.min(Math.ceil(leftBytes / share), Math.floor(leftBytes / SMALLEST_LANE_BYTES));
  const batches = Math.min(free, worthwhile - 1);
  return { split, batches: batched(whole, leftBytes, batches) };
}

/** The largest first, each into the emptiest of `count` batches, or left to the program of its database. */
function batched(tables: readonly MovableTable[], leftBytes: number, count: number): string[][] {
  const rest = { bytes: leftBytes - sum(tables.map(({ dataBytes }) => dataBytes)), tables: [] as string[] };
  const batches = Array.from({ length: Math.max(0, count) }, () => ({ bytes: 0, tables: [] as string[] }));
  for (const { table, dataBytes } of count < 1 ? [] : tables) {
    const emptiest = [...batches, rest].reduce((least, each) => (each.bytes < least.bytes ? each : least));
    emptiest.bytes += dataBytes;
    emptiest.tables.push(table);
  }
  return batches.filter(({ bytes }) => bytes >= SMALLEST_LANE_BYTES / 2).map((batch) => batch.tables);
}

/** The largest first, each into the emptiest group. */
function grouped(databases: readonly DatabaseToPlan[], count: number): PlannedGroup[] {
  const groups = Array.from({ length: count }, () => ({ bytes: 0, members: new Set<DatabaseName>() }));
  for (const database of [...databases].sort((a, b) => b.dataBytes - a.dataBytes)) {
    const emptiest = groups.reduce((least, each) => (each.bytes < least.bytes ? each : least));
    emptiest.bytes += weightOf(database);
    emptiest.members.add(database.name);
  }
  return groups.map(({ members }) => ({
    databases: databases.map(({ name }) => name).filter((name) => members.has(name)),
    ...NO_LANES,
  }));
}

function weightOf({ dataBytes }: DatabaseToPlan): number {
  return dataBytes + DATABASE_BYTES;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
