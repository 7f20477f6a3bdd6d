import { findReferences, type Reference } from '../archive/find-references.ts';
import type { Piece } from '../archive/piece.ts';
import type { Archive } from '../model/archive-record.ts';
import { CoffreError } from '../model/error.ts';
import type { Selections } from './plan-selections.ts';

/**
 * Reads what is to be loaded under another name to its end, before anything is loaded. Throws `refused` when something in it
 * names the old database, which it would go on to use.
 */
export async function assertRenamable(
  selections: Selections,
  piecesOf: (archive: Archive) => AsyncIterable<Piece>,
): Promise<void> {
  for (const [archive, { as, tables }] of selections) {
    const { database } = archive;
    if (database === null || as === null) continue;
    const references = (await findReferences(piecesOf(archive), database, tables)).map(describe);
    if (references.length === 0) continue;
    const what = references.length === 1 ? 'something in it names' : `${references.length} things in it name`;
    throw new CoffreError(
      'refused',
      `cannot restore ${database} as ${as}: ${what} ${database}, and would still mean that one`,
      {
        hint: 'to go on all the same, and mend them afterwards: --as-anyway',
        findings: references,
      },
    );
  }
}

function describe({ kind, name }: Reference): string {
  return `the ${kind} ${name}`;
}
