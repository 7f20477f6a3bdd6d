import type { Piece } from '../archive/piece.ts';
import { SectionLines } from '../archive/section-lines.ts';
import { describeSection } from '../archive/sections.ts';
import type { Connection } from '../database/connection.ts';
import { loadSql } from '../database/load-sql.ts';
import { quoteIdentifier } from '../database/sql-text.ts';
import { DumpLoad, type HeldSection } from './dump-load.ts';
import type { LoadBudget } from './load-budget.ts';

/** What is left of an archive once its tables are there. */
export interface Loaded {
  readonly preamble: Buffer;
  readonly views: readonly HeldSection[];
  readonly events: readonly HeldSection[];
}

/** Loads the tables of a dump, with all that belongs to them, and its routines. Throws what `pieces` throws, and the client. */
export async function loadDump(
  pieces: AsyncIterable<Piece>,
  target: Connection,
  subject: string,
  budget: LoadBudget,
  signal: AbortSignal,
): Promise<Loaded> {
  const load = new DumpLoad(target, subject, budget);
  // A server that answers no more would be waited for.
  const stop = () => void load.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const piece of pieces) await load.add(piece);
    await load.finish();
  } catch (error) {
    await load.stop();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    load.release();
  }
  return { preamble: load.preamble, views: load.held('view'), events: load.held('events') };
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
