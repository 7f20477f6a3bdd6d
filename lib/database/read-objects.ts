import * as z from 'zod';
import { DatabaseName } from '../model/names.ts';
import { OBJECT_KINDS, type ObjectCounts } from '../model/object-counts.ts';
import type { Ask } from './client.ts';
import { OWN_DATABASES } from './database-names.ts';

// Names are compared byte by byte: the server's own comparison would make one of `Shop` and `shop`.
const exactly = (column: string) => `${column} COLLATE utf8mb3_bin`;

const DATABASES = "SELECT JSON_OBJECT('database', SCHEMA_NAME) FROM information_schema.SCHEMATA";

const COUNTS = `
SELECT JSON_OBJECT('database', db, 'kind', kind, 'count', n) FROM (
  SELECT ${exactly('TABLE_SCHEMA')} AS db,
    CASE TABLE_TYPE WHEN 'VIEW' THEN 'views' WHEN 'SEQUENCE' THEN 'sequences' ELSE 'tables' END AS kind, COUNT(*) AS n
  FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE', 'VIEW')
  GROUP BY db, kind
  UNION ALL SELECT ${exactly('ROUTINE_SCHEMA')} AS db, 'routines', COUNT(*) FROM information_schema.ROUTINES GROUP BY db
  UNION ALL SELECT ${exactly('TRIGGER_SCHEMA')} AS db, 'triggers', COUNT(*) FROM information_schema.TRIGGERS GROUP BY db
  UNION ALL SELECT ${exactly('EVENT_SCHEMA')} AS db, 'events', COUNT(*) FROM information_schema.EVENTS GROUP BY db
) AS counted`;

const NameRow = z.object({ database: DatabaseName });
const CountRow = z.object({ database: DatabaseName, kind: z.enum(OBJECT_KINDS), count: z.int() });

export const NO_OBJECTS: ObjectCounts = { tables: 0, views: 0, sequences: 0, routines: 0, triggers: 0, events: 0 };

/** Every database that has to be dumped, and what it holds, as far as the account may see it. */
export async function countObjects(ask: Ask, exclude: readonly string[]): Promise<Map<DatabaseName, ObjectCounts>> {
  const left = new Set(exclude);
  const names = (await ask(DATABASES, NameRow)).map(({ database }) => database);
  const counts = new Map(
    names.filter((name) => !OWN_DATABASES.has(name) && !left.has(name)).map((name) => [name, { ...NO_OBJECTS }]),
  );
  for (const { database, kind, count } of await ask(COUNTS, CountRow)) {
    const found = counts.get(database);
    if (found) found[kind] = count;
  }
  return counts;
}
