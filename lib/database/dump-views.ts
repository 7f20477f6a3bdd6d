import * as z from 'zod';
import { DatabaseName } from '../model/names.ts';
import type { DumpStream } from '../model/stages.ts';
import { type Ask, query } from './client.ts';
import { holdDump } from './hold-dump.ts';
import { looksAlike } from './read-storage.ts';
import { type DumpTools, startDump } from './start-dump.ts';

/**
 * Linux takes two mebibytes of arguments: with more tables than go into a quarter of that, their structures are dumped,
 * too, and left out afterwards.
 */
const IGNORED_BYTES = 512 * 1024;

const TABLES = `SELECT JSON_OBJECT('database', TABLE_SCHEMA COLLATE utf8mb3_bin, 'name', TABLE_NAME, 'type', TABLE_TYPE)
FROM information_schema.TABLES`;

const Row = z.object({ database: DatabaseName, name: z.string(), type: z.string() });

/**
 * The views of databases, as the dump program writes them behind all tables. In the dump of a group they come at the
 * very end, when the dumps of its databases should be complete long since; so they are read beforehand, and held in
 * memory. Like all definitions, they belong to no transaction.
 */
export async function dumpViews(tools: DumpTools, databases: readonly DatabaseName[]): Promise<DumpStream> {
  const ask: Ask = (sql, row) => query(tools.connection, sql, row);
  const wanted = new Set(databases);
  const all = (await ask(TABLES, Row)).filter(({ database }) => wanted.has(database));
  const views = all.filter(({ type }) => type === 'VIEW').map(({ database, name }) => `${database}.${name}`);
  const tables = all.filter(({ type }) => type !== 'VIEW').map(({ database, name }) => `${database}.${name}`);
  const small = tables.reduce((bytes, each) => bytes + Buffer.byteLength(each) + 20, 0) <= IGNORED_BYTES;
  // The dump program takes a view for a table that only looks like it.
  const ignore = small ? safeToIgnore(tables, views) : [];
  return await holdDump(startDump(tools, { kind: 'views', databases, ignore }, false));
}

function safeToIgnore(tables: readonly string[], views: readonly string[]): readonly string[] {
  const plain = views.filter((view) => ASCII.test(view));
  const folded = new Set(plain.map((view) => view.toLowerCase()));
  const others = views.filter((view) => !ASCII.test(view));
  return tables.filter(
    (table) => ASCII.test(table) && !folded.has(table.toLowerCase()) && !others.some((view) => looksAlike(table, view)),
  );
}

const ASCII = /^[ -~]*$/;
