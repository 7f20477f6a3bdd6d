import * as z from 'zod';
import { query } from './client.ts';
import type { Connection } from './connection.ts';

/** The server's own databases: made by the server, never dumped as data. */
export const OWN_DATABASES: ReadonlySet<string> = new Set(['information_schema', 'mysql', 'performance_schema', 'sys']);

/** Whether coffre takes a database of such a name for one of its own: what was moved aside, or the mark of a restore. */
export function isReservedName(name: string): boolean {
  return /__coffre_(?:old|trust)_/i.test(name);
}

const Name = z.object({ name: z.string() });

/** The databases of a server, its own included. */
export async function readDatabaseNames(connection: Connection): Promise<readonly string[]> {
  const sql = "SELECT JSON_OBJECT('name', SCHEMA_NAME) FROM information_schema.SCHEMATA";
  return (await query(connection, sql, Name)).map(({ name }) => name);
}
