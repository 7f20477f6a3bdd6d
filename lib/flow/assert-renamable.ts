import { findReferences, type Reference } from '../archive/find-references.ts';
import type { Piece } from '../archive/piece.ts';
import { ViewSources } from '../archive/view-sources.ts';
import type { Archive } from '../model/archive-record.ts';
import { CoffreError } from '../model/error.ts';
import { assertViewsWhole } from './assert-views-whole.ts';
import type { Selections } from './plan-selections.ts';

interface Renaming {
  readonly piecesOf: (archive: Archive) => AsyncIterable<Piece>;
  /** Tables, views and sequences of a database of the server; none where it has none of that name. */
  readonly presentIn: (database: string) => Promise<ReadonlySet<string>>;
  /** Whether it goes on where something names the old database. */
  readonly anyway: boolean;
}

/**
 * Reads what is to be loaded under another name to its end, before anything is loaded. Throws `refused` when something in it
 * names the old database, which it would go on to use, or when a view is to come without a table that it reads.
 */
export async function assertRenamable(selections: Selections, renaming: Renaming): Promise<void> {
  const { piecesOf, presentIn, anyway } = renaming;
  for (const [archive, { as, tables }] of selections) {
    const { database } = archive;
    if (database === null || as === null || (anyway && !tables)) continue;
    const sources = new ViewSources();
    const found = await findReferences(sources.watch(piecesOf(archive)), database, tables);
    if (!anyway && found.length > 0) throw namesOld(found.map(describe), database, as);
    if (tables) assertViewsWhole(sources, { database, as, tables, present: await presentIn(as) });
  }
}

function namesOld(references: readonly string[], database: string, as: string): CoffreError {
  const what = references.length === 1 ? 'something in it names' : `${references.length} things in it name`;
  return new CoffreError(
    'refused',
    `cannot restore ${database} as ${as}: ${what} ${database}, and would still mean that one`,
    {
      hint: 'to go on all the same, and mend them afterwards: --as-anyway',
      findings: references,
    },
  );
}

function describe({ kind, name }: Reference): string {
  return `the ${kind} ${name}`;
}
