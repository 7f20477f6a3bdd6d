import { query } from '../database/client.ts';
import type { Connection } from '../database/connection.ts';
import { countObjects } from '../database/read-objects.ts';
import type { DatabaseName } from '../model/names.ts';
import { OBJECT_KINDS, type ObjectCounts } from '../model/object-counts.ts';

/** How many objects of each kind the databases of a server have, as it tells itself. */
export async function readObjectCounts(target: Connection): Promise<ReadonlyMap<DatabaseName, ObjectCounts>> {
  return await countObjects((sql, row) => query(target, sql, row), []);
}

/** A sentence for every kind of which there are more or fewer. The server is asked, and not the dump program. */
export function compareCounts(expected: ObjectCounts, found: ObjectCounts | undefined): readonly string[] {
  if (!found) return ['the database is missing'];
  return OBJECT_KINDS.filter((kind) => expected[kind] !== found[kind]).map(
    (kind) => `it has ${found[kind]} ${kind}, and ${expected[kind]} in the backup`,
  );
}
