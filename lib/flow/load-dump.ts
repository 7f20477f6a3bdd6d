import type { MadeNames } from '../archive/made-names.ts';
import type { Piece } from '../archive/piece.ts';
import { SectionLines } from '../archive/section-lines.ts';
import { describeSection, type Section } from '../archive/sections.ts';
import type { Connection } from '../database/connection.ts';
import { allowInvalidDates } from '../database/invalid-dates.ts';
import { loadSql } from '../database/load-sql.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { asCoffreError } from '../model/error.ts';
import type { DeferredKeys } from './deferred-keys.ts';
import { DumpLanes } from './dump-lanes.ts';
import { DumpLoad, type HeldSection } from './dump-load.ts';
import { LateKeys } from './late-keys.ts';
import type { LoadBudget } from './load-budget.ts';

/** What is left of an archive once its tables are there. */
export interface Loaded {
  /** The settings of the dump, and its database. */
  readonly preamble: Buffer;
  readonly views: readonly HeldSection[];
  readonly events: readonly HeldSection[];
}

export interface LoadDumpOptions {
  readonly target: Connection;
  /** Its name in the server. */
  readonly database: string;
  readonly budget: LoadBudget;
  readonly deferred: DeferredKeys;
  readonly lateKeysBytes: number | undefined;
  readonly signal: AbortSignal;
  /** Gets the names of all that is made. */
  readonly made?: MadeNames | undefined;
}

/** Loads the tables of a dump, with all that belongs to them, and its routines. Throws what `pieces` throws, and the client. */
export async function loadDump(pieces: AsyncIterable<Piece>, options: LoadDumpOptions): Promise<Loaded> {
  const { target, database, budget, deferred, lateKeysBytes, signal, made } = options;
  const parts: Buffer[] = [];
  // A dump from before its head said so is to come back whole as well.
  const preamble = () => allowInvalidDates(Buffer.concat(parts));
  const lanes = new DumpLanes(target, database, budget, preamble);
  const alter = (section: Section, statement: string) => alterTable(target, database, preamble(), section, statement);
  const load = new DumpLoad(lanes, new LateKeys(database, deferred, alter, lateKeysBytes));
  // A server that answers no more would be waited for.
  const stop = () => void lanes.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const piece of pieces) {
      made?.add(piece);
      if (piece.section.kind === 'preamble') parts.push(Buffer.from(piece.bytes));
      else await load.add(piece);
    }
    await load.finish();
  } catch (error) {
    await lanes.stop();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    lanes.release();
  }
  return { preamble: preamble(), views: load.held('view'), events: load.held('events') };
}

/** Sorting for a new key takes room in the server's folder for temporary files; where there is none, it goes without. */
async function alterTable(
  target: Connection,
  database: string,
  preamble: Buffer,
  section: Section,
  statement: string,
): Promise<void> {
  const attempt = (sql: string) => loadHeld(target, database, preamble, [{ section, sql: Buffer.from(sql, 'latin1') }]);
  try {
    await attempt(`${statement};\n`);
  } catch (error) {
    if (asCoffreError(error).code !== 'restore-failed') throw error;
    await attempt(`${statement}, ALGORITHM=COPY;\n`);
  }
}

/** Carries out what was held back. */
export async function loadHeld(
  target: Connection,
  subject: string,
  preamble: Buffer,
  sections: readonly HeldSection[],
): Promise<void> {
  if (sections.length === 0) return;
  const lines = new SectionLines();
  const parts = [{ section: { kind: 'preamble', name: null } as const, sql: preamble }, ...sections];
  for (const { section, sql } of parts) lines.add({ section, opens: true, bytes: sql });
  await loadSql(target, inOrder(parts.map(({ sql }) => sql)), subject, (line) => {
    const section = lines.sectionAt(line);
    return section && describeSection(section, quoteIdentifier);
  });
}

async function* inOrder(parts: readonly Buffer[]) {
  yield* parts;
}
