import * as z from 'zod';
import type { DatabaseName } from '../model/names.ts';
import { execute, query } from './client.ts';
import type { Connection } from './connection.ts';
import type { DumpProcess } from './dump-process.ts';
import { holdDump } from './hold-dump.ts';
import { loadSql } from './load-sql.ts';
import type { OwnObjects } from './own-objects.ts';
import { quoteIdentifier } from './sql-text.ts';
import { readDumpTools, startDump } from './start-dump.ts';

/** Holds the triggers, routines, events and views of a database that was moved aside, as SQL, in parts. */
export const DEFINITIONS = '@coffre_definitions';

/** In hex twice as many bytes, which every server takes as one statement. */
const PART_BYTES = 256 * 1024;

const Part = z.object({ part: z.int(), hex: z.string() });

/**
 * All of a database that cannot be moved to another one, as SQL that can be run again and again: its triggers, routines
 * and events, and then its views. The views are asked for by name, because the dump program takes them for tables.
 * Throws what a dump throws.
 */
export async function readDefinitionsSql(
  connection: Connection,
  database: DatabaseName,
  { views, triggers, routines, events }: OwnObjects,
): Promise<Buffer> {
  const tools = await readDumpTools(connection);
  const dumps: DumpProcess[] = [];
  if (triggers.length + routines.length + events.length > 0)
    dumps.push(startDump(tools, { kind: 'definitions', database }, false));
  if (views.length > 0) dumps.push(startDump(tools, { kind: 'structures', database, tables: views }, false));
  const parts: Buffer[] = [];
  for (const dump of dumps) for await (const chunk of await holdDump(dump)) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

/** Writes `sql` into the database `aside`. */
export async function writeDefinitions(connection: Connection, aside: DatabaseName, sql: Buffer): Promise<void> {
  const table = `${quoteIdentifier(aside)}.${quoteIdentifier(DEFINITIONS)}`;
  await execute(connection, `CREATE TABLE ${table} (part INT PRIMARY KEY, text LONGBLOB NOT NULL) ENGINE=InnoDB`);
  for (let start = 0, part = 1; start < sql.length; start += PART_BYTES, part += 1) {
    const hex = sql.subarray(start, start + PART_BYTES).toString('hex');
    await execute(connection, `INSERT INTO ${table} VALUES (${part}, x'${hex}')`);
  }
}

/** Makes in `database` what `writeDefinitions` has written into `aside`. What is there of it already is made anew. */
export async function loadDefinitions(
  connection: Connection,
  aside: DatabaseName,
  database: DatabaseName,
): Promise<void> {
  const parts = await readParts(connection, aside);
  async function* sql() {
    yield Buffer.from(`USE ${quoteIdentifier(database)};\n`);
    yield* parts;
  }
  if (parts.length > 0) await loadSql(connection, sql(), `the triggers, routines, events and views of ${database}`);
}

/** What `writeDefinitions` has written into `aside`. */
export async function readDefinitionsText(connection: Connection, aside: DatabaseName): Promise<string> {
  return Buffer.concat(await readParts(connection, aside)).toString('utf8');
}

async function readParts(connection: Connection, aside: DatabaseName): Promise<readonly Buffer[]> {
  const table = `${quoteIdentifier(aside)}.${quoteIdentifier(DEFINITIONS)}`;
  const sql = `SELECT JSON_OBJECT('part', part, 'hex', HEX(text)) FROM ${table} ORDER BY part`;
  return (await query(connection, sql, Part)).map(({ hex }) => Buffer.from(hex, 'hex'));
}
