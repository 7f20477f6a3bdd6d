import type { DatabaseName } from '../model/names.ts';

/** A table whose rows can be dumped by several programs, each by a range of the integer that its primary key begins with. */
export interface SplittableTable {
  readonly table: string;
  /** The first column of its primary key. */
  readonly key: string;
  /** The server's estimate, without indexes. */
  readonly dataBytes: number;
}

export interface DatabaseToPlan {
  readonly name: DatabaseName;
  /** The server's estimate, without indexes. */
  readonly dataBytes: number;
  readonly splittable: readonly SplittableTable[];
}

/** A table whose rows are dumped beside its database, by `parts` programs. */
export interface PlannedTable {
  readonly table: string;
  readonly key: string;
  readonly parts: number;
}

/** One run of the dump program for all of `databases`; one database only where tables of it are dumped in lanes. */
export interface PlannedGroup {
  readonly databases: readonly DatabaseName[];
  readonly lanes: readonly PlannedTable[];
}

export interface DumpPlan {
  readonly groups: readonly PlannedGroup[];
}

export interface PlanOptions {
  /** Dump programs that are wanted at a time. */
  readonly parallel: number;
  /** Dump programs that there are connections for, at least one: never more. */
  readonly limit: number;
}

/** Below this a second program costs more than it brings. */
const SMALLEST_TABLE_BYTES = 64 * 1024 * 1024;
const SMALLEST_LANE_BYTES = 32 * 1024 * 1024;
/** What a database costs however little is in it, so that five hundred empty ones are spread, too. */
const DATABASE_BYTES = 256 * 1024;

/**
 * Which programs dump what, so that none has much more than its share of all bytes: databases in groups, and large
 * tables of a database that is more than a share in lanes. Every database is in exactly one group. The databases of a
 * group keep the order that they are given in. There may be up to two programs for each that is wanted where shares do
 * not come out even, because all work at the same time, and what counts is that no long one is left over at the end.
 */
export function planDumps(databases: readonly DatabaseToPlan[], { parallel, limit }: PlanOptions): DumpPlan {
  for (let wanted = parallel; wanted > 1; wanted -= 1) {
    const plan = planFor(databases, wanted);
    if (rowDumpers(plan) <= limit) return plan;
  }
  return planFor(databases, 1);
}

/** Programs of a plan that read rows: all but the one for the accounts. */
export function rowDumpers({ groups }: DumpPlan): number {
  return groups.reduce((sum, { lanes }) => sum + 1 + lanes.reduce((parts, each) => parts + each.parts, 0), 0);
}

/** A plan in one line. */
export function describePlan(plan: DumpPlan): string {
  const databases = plan.groups.flatMap((group) => group.databases).length;
  const laned = plan.groups.flatMap(({ databases: [database], lanes }) =>
    lanes.map(({ table, parts }) => `${database}.${table} in ${parts === 1 ? 'a lane of its own' : `${parts} lanes`}`),
  );
  const groups = `${databases} databases in ${plan.groups.length} ${plan.groups.length === 1 ? 'dump' : 'dumps'}`;
  return `${[groups, ...laned].join(', ')}, and the accounts: ${rowDumpers(plan) + 1} connections at a time`;
}

/** All databases in one program: what is left when no lock is to be had. */
export function singleDumpPlan(databases: readonly DatabaseName[]): DumpPlan {
  return { groups: databases.length === 0 ? [] : [{ databases, lanes: [] }] };
}

/** The plan for the databases that there are now: what has come meanwhile joins the group with the fewest databases. */
export function adjustPlan({ groups }: DumpPlan, present: readonly DatabaseName[]): DumpPlan {
  const planned = new Set(groups.flatMap((group) => group.databases));
  const there = new Set(present);
  const kept = groups
    .map(({ databases, lanes }) => ({ databases: databases.filter((name) => there.has(name)), lanes }))
    .filter(({ databases }) => databases.length > 0);
  const late = present.filter((name) => !planned.has(name));
  if (late.length === 0) return { groups: kept };
  const [host] = kept.filter(({ lanes }) => lanes.length === 0).sort((a, b) => a.databases.length - b.databases.length);
  if (host) return { groups: kept.map((each) => (each === host ? joined(each, late) : each)) };
  // Then each group is a large database with lanes: a lane is given up, so that there are no more programs than before.
  const [large, ...others] = kept;
  if (!large) return singleDumpPlan(late);
  return { groups: [{ databases: [...large.databases, ...late], lanes: [] }, ...others] };
}

function joined({ databases, lanes }: PlannedGroup, late: readonly DatabaseName[]): PlannedGroup {
  return { databases: [...databases, ...late], lanes };
}

function planFor(databases: readonly DatabaseToPlan[], wanted: number): DumpPlan {
  if (wanted === 1) return singleDumpPlan(databases.map(({ name }) => name));
  const share = sum(databases.map(weightOf)) / wanted;
  let programs = 2 * wanted;
  const laned: PlannedGroup[] = [];
  const others: DatabaseToPlan[] = [];
  for (const database of databases) {
    const lanes = lanesOf(database, share, wanted, programs - 1);
    if (lanes.length === 0) others.push(database);
    else laned.push({ databases: [database.name], lanes });
    programs -= lanes.length === 0 ? 0 : 1 + sum(lanes.map(({ parts }) => parts));
  }
  const groups = Math.min(wanted, others.length, Math.max(1, Math.ceil(sum(others.map(weightOf)) / share)));
  return { groups: [...laned, ...grouped(others, groups)] };
}

/** The largest tables, until what is left of the database is no more than a share. */
function lanesOf(
  { dataBytes, splittable }: DatabaseToPlan,
  share: number,
  wanted: number,
  programs: number,
): PlannedTable[] {
  const lanes: PlannedTable[] = [];
  let leftBytes = dataBytes;
  let free = programs;
  for (const { table, key, dataBytes: bytes } of [...splittable].sort((a, b) => b.dataBytes - a.dataBytes)) {
    if (leftBytes <= share || free < 1 || bytes < SMALLEST_TABLE_BYTES) break;
    const parts = Math.min(wanted, free, Math.ceil(bytes / share), Math.floor(bytes / SMALLEST_LANE_BYTES));
    lanes.push({ table, key, parts });
    leftBytes -= bytes;
    free -= parts;
  }
  return lanes;
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
    lanes: [],
  }));
}

function weightOf({ dataBytes }: DatabaseToPlan): number {
  return dataBytes + DATABASE_BYTES;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
