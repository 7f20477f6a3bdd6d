import type { SectionDigest } from '../archive/digests.ts';
import { SectionDigester } from '../archive/section-digester.ts';
import type { Connection } from '../database/connection.ts';
import { dumpDatabase } from '../database/dump-database.ts';
import type { DatabaseName } from '../model/names.ts';

/** What a database holds: each table, view, sequence, and its routines and events, with a digest of their SQL. */
export type ContentDigests = ReadonlyMap<DatabaseName, readonly SectionDigest[]>;

/** Reads what databases hold now, by dumping them once more. Nothing is kept of the dump but digests. */
export async function readContent(connection: Connection, databases: readonly DatabaseName[]): Promise<ContentDigests> {
  const content = new Map<DatabaseName, readonly SectionDigest[]>();
  for (const database of databases) {
    const digester = new SectionDigester();
    for await (const chunk of await dumpDatabase(connection, database)) {
      for (const piece of digester.push(chunk)) digester.add(piece, 0);
    }
    for (const piece of digester.end()) digester.add(piece, 0);
    content.set(database, digester.digests().sections);
  }
  return content;
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

/** The two ends of a dump are about the dump: its time, the position of the binary log. */
function byName(sections: readonly SectionDigest[]): ReadonlyMap<string, string> {
  const content = sections.filter(({ kind }) => kind !== 'preamble' && kind !== 'trailer');
  return new Map(
    content.map(({ kind, name, sha256 }) => [name === null ? `the ${kind}` : `the ${kind} ${name}`, sha256]),
  );
}
