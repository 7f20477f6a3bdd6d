import { availableParallelism } from 'node:os';
import { digestSections } from '../archive/digest-sections.ts';
import type { SectionDigest } from '../archive/digests.ts';
import { describeSection, type SectionKind } from '../archive/sections.ts';
import type { Connection } from '../database/connection.ts';
import { dumpDatabase, dumpLane, dumpStructures } from '../database/dump-database.ts';
import type { LanedTables, LaneRows } from '../model/lanes.ts';
import type { DatabaseName } from '../model/names.ts';

/** What a database holds: each table, view, sequence, and its routines and events, with a digest of their SQL. */
export type ContentDigests = ReadonlyMap<DatabaseName, readonly SectionDigest[]>;

/**
 * Reads what databases hold now, by dumping them once more, with the lanes that `like` was dumped with. Nothing is kept of
 * the dumps but digests.
 */
export async function readContent(
  connection: Connection,
  databases: readonly DatabaseName[],
  like: ContentDigests = new Map(),
): Promise<ContentDigests> {
  const content = new Map<DatabaseName, readonly SectionDigest[]>();
  for (const database of databases) {
    const lanes = lanesLike(like.get(database) ?? []);
    const tables = [...new Set(lanes.flatMap((rows) => rows.map(({ table }) => table)))];
    const dump = await dumpDatabase(connection, database, tables);
    content.set(database, await digestSections(dump, await redump(connection, database, tables, lanes)));
  }
  return content;
}

/** The lanes of a database as they are now; null for none. */
export async function redump(
  connection: Connection,
  database: DatabaseName,
  tables: readonly string[],
  lanes: readonly (readonly LaneRows[])[],
): Promise<LanedTables | null> {
  if (lanes.length === 0) return null;
  return {
    structures: await dumpStructures(connection, database, tables),
    lanes: await Promise.all(lanes.map((rows) => dumpLane(connection, database, rows))),
  };
}

/** Lanes that a dump with these sections may have had: one for each part of a table, and some for all whole tables. */
export function lanesLike(sections: readonly SectionDigest[]): readonly (readonly LaneRows[])[] {
  const tables = new Map<string, (string | null)[]>();
  for (const { kind, name, lane, where } of sections) {
    if (kind !== 'rows' || name === null || lane === undefined) continue;
    const conditions = tables.get(name) ?? [];
    conditions[lane - 1] = where ?? null;
    tables.set(name, conditions);
  }
  const rows = [...tables].flatMap(([table, conditions]) =>
    conditions.map((where, index) => ({ table, part: index + 1, parts: conditions.length, where })),
  );
  const whole = rows.filter(({ where }) => where === null);
  const batches = Array.from({ length: availableParallelism() }, (_, place) =>
    whole.filter((_row, index) => index % availableParallelism() === place),
  );
  return [...rows.filter(({ where }) => where !== null).map((each) => [each]), ...batches].filter(
    ({ length }) => length > 0,
  );
}

/** A sentence for every difference; none when both hold the same. */
export function compareContent(expected: ContentDigests, found: ContentDigests): readonly string[] {
  return [...expected].flatMap(([database, sections]) =>
    compareSections(sections, found.get(database) ?? []).map((sentence) => `${database}: ${sentence}`),
  );
}

/** A sentence for every difference between the sections of two dumps of a database. */
export function compareSections(expected: readonly SectionDigest[], found: readonly SectionDigest[]): string[] {
  const [wanted, present] = [byName(expected), byName(found)];
  const missing = [...wanted].filter(([name]) => !present.has(name)).map(([name]) => `${name} is missing`);
  const changed = [...wanted]
    .filter(([name, digest]) => (present.get(name) ?? digest) !== digest)
    .map(([name]) => `${name} differs`);
  const surplus = [...present].filter(([name]) => !wanted.has(name)).map(([name]) => `${name} was not in the backup`);
  return [...missing, ...changed, ...surplus];
}

/**
 * The two ends of a dump are about the dump: its time, the position of the binary log. So are the places where lanes
 * interrupt each other.
 */
const OF_THE_DUMP: readonly SectionKind[] = ['preamble', 'trailer', 'switch'];

function byName(sections: readonly SectionDigest[]): ReadonlyMap<string, string> {
  const content = sections.filter(({ kind }) => !OF_THE_DUMP.includes(kind));
  return new Map(content.map((section) => [describeSection(section), section.sha256]));
}
