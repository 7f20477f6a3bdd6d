import type { SectionDigest } from '../archive/digests.ts';
import { DumpReader } from '../archive/dump-reader.ts';
import { mergeLanes } from '../archive/merge-lanes.ts';
import type { Piece } from '../archive/piece.ts';
import { selectionOfRedump, selectPieces } from '../archive/select-pieces.ts';
import type { Connection } from '../database/connection.ts';
import { dumpDatabase, dumpTables } from '../database/dump-database.ts';
import type { DatabaseName } from '../model/names.ts';
import type { Selection } from '../model/selection.ts';
import type { Bytes } from '../model/stages.ts';
import { lanesLike, redump } from './compare-content.ts';
import { readTableNames } from './join-database.ts';

/** Sections that are tables of their own to the dump program. */
const TABLES: readonly string[] = ['table', 'sequence', 'view'];

/**
 * What is there of a selection that was loaded into `database`, by dumping it once more: its sections with a digest of each.
 * Of `like`, the ones expected, come the lanes and the names; nothing but these is dumped where tables were selected.
 */
export async function readSelected(
  connection: Connection,
  database: DatabaseName,
  like: readonly SectionDigest[],
  selection: Selection,
): Promise<readonly SectionDigest[]> {
  const { pieces, expected } = await redumpSelected(connection, database, like, selection);
  for await (const _ of pieces);
  return await expected;
}

/** The same as pieces. */
export async function redumpSelected(
  connection: Connection,
  database: DatabaseName,
  like: readonly SectionDigest[],
  selection: Selection,
): Promise<ReturnType<typeof selectPieces>> {
  const there = new Set((await readTableNames(connection, database)).map(({ name }) => name));
  const found = like.filter(({ kind, name }) => name === null || kind === 'switch' || there.has(name));
  const lanes = lanesLike(found);
  const laned = [...new Set(lanes.flatMap((rows) => rows.map(({ table }) => table)))];
  const names = [...new Set(found.flatMap(({ kind, name }) => (TABLES.includes(kind) && name !== null ? [name] : [])))];
  const tables = selection.tables?.filter((name) => there.has(name)) ?? null;
  if (tables?.length === 0) return selectPieces(nothing(), database, { ...selectionOfRedump(selection), tables });
  const dump = await (tables
    ? dumpTables(connection, database, names, laned, [...there])
    : dumpDatabase(connection, database, laned));
  const again = await redump(connection, database, laned, lanes);
  const pieces = piecesOf(again ? mergeLanes(dump, again) : dump);
  return selectPieces(pieces, database, { ...selectionOfRedump(selection), tables });
}

async function* piecesOf(dump: Bytes): AsyncGenerator<Piece, void, undefined> {
  const reader = new DumpReader();
  for await (const chunk of dump) yield* reader.push(chunk);
  yield* reader.end();
}

async function* nothing(): AsyncGenerator<Piece, void, undefined> {
  // There is none of them.
}
