import type { LanedTables } from '../model/lanes.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import type { DumpStream } from '../model/stages.ts';
import type { Dump, Dumper } from './dump.ts';
import { databasesOf, type RunningDump } from './dump-set.ts';
import type { ServerFacts } from './inspect-server.ts';
import { neededBefore, orderForLoading } from './load-order.ts';
import { isEmptyForeignFolder } from './obstacles.ts';
import { NO_OBJECTS } from './read-objects.ts';

export interface Running {
  readonly running: readonly RunningDump[];
  /** What each of `running` writes. */
  readonly streams: readonly DumpStream[];
  readonly counts: ReadonlyMap<DatabaseName, ObjectCounts>;
  /** The structures of the laned tables of each database that has any. */
  readonly structures: ReadonlyMap<DatabaseName, DumpStream>;
  /** Whether tables without transactions are locked until they are dumped. */
  readonly locked: boolean;
}

/** What the running programs come to: dumps in the order in which they can be loaded, and who makes them. */
export function assembleDumps(
  { running, streams, counts, structures, locked }: Running,
  server: ServerFacts,
): { readonly dumps: readonly Dump[]; readonly dumpers: readonly Dumper[] } {
  const facts = new Map(server.databases.map((each) => [each.name, each]));
  const partsOf = (database: DatabaseName) =>
    running.flatMap(({ of }, index) => (databasesOf(of).includes(database) ? [index] : []));
  const order = loadOrder(counts, server);
  const needed = neededBefore(order, server.viewReferences);
  const dumps = order.map((database): Dump => {
    const dumpers = partsOf(database);
    return {
      database,
      after: needed.get(database) ?? [],
      expected: counts.get(database) ?? NO_OBJECTS,
      notPointInTime: locked ? [] : (facts.get(database)?.nonTransactional ?? []),
      laned: lanedOf(structures.get(database), dumpers, running, streams),
      dumpers,
    };
  });
  const accounts = {
    database: null,
    after: order,
    expected: NO_OBJECTS,
    notPointInTime: [],
    laned: null,
    dumpers: running.flatMap(({ of }, index) => (of.kind === 'accounts' ? [index] : [])),
  };
  const named = new Map<DatabaseName | null, Dump>([...dumps, accounts].map((dump) => [dump.database, dump]));
  const dumpers = running.flatMap(({ of }, index): Dumper[] => {
    const stream = streams[index];
    if (of.kind === 'lane' || !stream) return [];
    const names = of.kind === 'accounts' ? [null] : of.databases;
    return [{ dumps: names.flatMap((name) => named.get(name) ?? []), stream }];
  });
  return { dumps: [...dumps, accounts], dumpers };
}

function lanedOf(
  structures: DumpStream | undefined,
  places: readonly number[],
  running: readonly RunningDump[],
  streams: readonly DumpStream[],
): LanedTables | null {
  if (!structures) return null;
  const lanes = places.flatMap((place) => {
    const of = running[place]?.of;
    const stream = streams[place];
    return of?.kind === 'lane' && stream ? [{ rows: of.rows, stream }] : [];
  });
  return { structures, lanes };
}

/** What there is now, also when it was made after the inspection. */
export function loadOrder(
  counts: ReadonlyMap<DatabaseName, ObjectCounts>,
  { databases, viewReferences }: ServerFacts,
): readonly DatabaseName[] {
  const sizes = new Map(databases.map(({ name, dataBytes }) => [name, dataBytes]));
  const names = [...counts].flatMap(([name, found]) => (isEmptyForeignFolder(name, found) ? [] : [name]));
  names.sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0));
  return orderForLoading(names, viewReferences);
}
