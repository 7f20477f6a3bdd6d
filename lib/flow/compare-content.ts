import { digestSections } from '../archive/digest-sections.ts';
import type { SectionDigest } from '../archive/digests.ts';
import { describeSection, type SectionKind } from '../archive/sections.ts';
import type { Connection } from '../database/connection.ts';
import { dumpDatabase, dumpLane } from '../database/dump-database.ts';
import type { LanedTable } from '../model/lanes.ts';
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
    const tables = lanedTables(like.get(database) ?? []);
    const dump = await dumpDatabase(connection, database, [...tables.keys()]);
    const lanes = await Promise.all(
      [...tables].map(([table, conditions]) => redumpTable(connection, database, table, conditions)),
    );
    content.set(database, await digestSections(dump, lanes));
  }
  return content;
}

async function redumpTable(
  connection: Connection,
  database: DatabaseName,
  table: string,
  conditions: readonly (string | null)[],
): Promise<LanedTable> {
  const lanes = conditions.map(async (where) => ({
    where,
    stream: await dumpLane(connection, database, table, where),
  }));
  return { table, lanes: await Promise.all(lanes) };
}

/** The conditions of the lanes of each table that was dumped in lanes, in order. */
function lanedTables(sections: readonly SectionDigest[]): ReadonlyMap<string, readonly (string | null)[]> {
  const tables = new Map<string, (string | null)[]>();
  for (const { kind, name, lane, where } of sections) {
    if (kind !== 'rows' || name === null || lane === undefined) continue;
    const conditions = tables.get(name) ?? [];
    conditions[lane - 1] = where ?? null;
    tables.set(name, conditions);
  }
  return tables;
}

/** A sentence for every difference; none when both hold the same. */
export function compareContent(expected: ContentDigests, found: ContentDigests): readonly string[] {
  return [...expected].flatMap(([database, sections]) =>
    compareSections(sections, found.get(database) ?? []).map((sentence) => `${database}: ${sentence}`),
  );
}

function compareSections(expected: readonly SectionDigest[], found: readonly SectionDigest[]): string[] {
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
