import * as z from 'zod';
import type { DatabaseName } from '../model/names.ts';
import type { Ask } from './client.ts';
import { quoteString } from './sql-text.ts';

/** What is in a database, by name. */
export interface OwnObjects {
  /** With sequences, and tables that keep their history. */
  readonly tables: readonly string[];
  readonly views: readonly string[];
  readonly triggers: readonly string[];
  readonly routines: readonly string[];
  readonly events: readonly string[];
}

const KINDS = ['tables', 'views', 'triggers', 'routines', 'events'] as const;
const Row = z.object({ kind: z.enum(KINDS), name: z.string() });

/** Whether a column of information_schema holds this very name. The first comparison is what the server looks it up by. */
export function isNamed(column: string, name: string): string {
  return `${column} = ${quoteString(name)} AND ${column} COLLATE utf8mb3_bin = ${quoteString(name)}`;
}

export async function readOwnObjects(ask: Ask, database: DatabaseName): Promise<OwnObjects> {
  const rows = await ask(
    `SELECT JSON_OBJECT('kind', kind, 'name', name) FROM (
      SELECT IF(TABLE_TYPE = 'VIEW', 'views', 'tables') AS kind, TABLE_NAME COLLATE utf8mb3_bin AS name
      FROM information_schema.TABLES WHERE ${isNamed('TABLE_SCHEMA', database)}
      UNION ALL SELECT 'triggers', TRIGGER_NAME COLLATE utf8mb3_bin
      FROM information_schema.TRIGGERS WHERE ${isNamed('TRIGGER_SCHEMA', database)}
      UNION ALL SELECT 'routines', ROUTINE_NAME COLLATE utf8mb3_bin
      FROM information_schema.ROUTINES WHERE ${isNamed('ROUTINE_SCHEMA', database)}
      UNION ALL SELECT 'events', EVENT_NAME COLLATE utf8mb3_bin
      FROM information_schema.EVENTS WHERE ${isNamed('EVENT_SCHEMA', database)}
    ) AS found`,
    Row,
  );
  const named = (kind: (typeof KINDS)[number]) => rows.filter((row) => row.kind === kind).map(({ name }) => name);
  return {
    tables: named('tables'),
    views: named('views'),
    triggers: named('triggers'),
    routines: named('routines'),
    events: named('events'),
  };
}
