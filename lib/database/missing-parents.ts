import * as z from 'zod';
import { query } from './client.ts';
import type { Connection } from './connection.ts';
import { isNamed } from './own-objects.ts';

/** A foreign key of a table to one that is not there. */
export interface MissingParent {
  readonly table: string;
  readonly parentDatabase: string;
  readonly parent: string;
}

const Row = z.object({ table: z.string(), parentDatabase: z.string(), parent: z.string() });

/** The foreign keys of a database that lead nowhere: the server takes such a table, and then no row that has a value there. */
export async function readMissingParents(connection: Connection, database: string): Promise<readonly MissingParent[]> {
  return await query(
    connection,
    `SELECT JSON_OBJECT('table', TABLE_NAME, 'parentDatabase', UNIQUE_CONSTRAINT_SCHEMA, 'parent', REFERENCED_TABLE_NAME)
     FROM information_schema.REFERENTIAL_CONSTRAINTS AS refers
     WHERE ${isNamed('CONSTRAINT_SCHEMA', database)} AND NOT EXISTS (
       SELECT 1 FROM information_schema.TABLES AS parents
       WHERE parents.TABLE_SCHEMA = refers.UNIQUE_CONSTRAINT_SCHEMA AND parents.TABLE_NAME = refers.REFERENCED_TABLE_NAME)
     ORDER BY TABLE_NAME, REFERENCED_TABLE_NAME`,
    Row,
  );
}
