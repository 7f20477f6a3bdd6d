import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import type { Selection } from '../model/selection.ts';
import type { SectionDigest } from './digests.ts';
import type { Piece } from './piece.ts';
import { PieceSelector } from './piece-selector.ts';
import { SectionDigester } from './section-digester.ts';

/** A part of a dump, or a dump that has been changed. */
export interface SelectedPieces {
  /** Each is its reader's only until the next one is asked for. Throws `not-found` at its end when a table is not there. */
  readonly pieces: AsyncIterable<Piece>;
  /** What a re-dump of what was loaded has to have, having gone through `selectPieces` itself, with `selectionOfRedump`. */
  readonly expected: Promise<readonly SectionDigest[]>;
  /** The objects that are made. Settles with `expected`, when `pieces` has been read to its end. */
  readonly counts: Promise<ObjectCounts>;
}

/**
 * What of the dump of `database` is loaded, and as what. What is dropped is never looked into; a section that is kept ends
 * with one line end, whatever stood behind it. Throws what `pieces` throws.
 */
export function selectPieces(
  pieces: AsyncIterable<Piece>,
  database: DatabaseName,
  selection: Selection,
): SelectedPieces {
  const [expected, counts] = [settled<readonly SectionDigest[]>(), settled<ObjectCounts>()];
  async function* selected(): AsyncGenerator<Piece, void, undefined> {
    const selector = new PieceSelector(database, selection);
    const digester = new SectionDigester();
    try {
      for await (const piece of pieces) {
        for (const each of selector.push(piece)) {
          digester.add(each, 0);
          yield each;
        }
      }
      for (const each of selector.end()) {
        digester.add(each, 0);
        yield each;
      }
      assertFound(database, selection, selector.found);
      expected.resolve(digester.digests().sections);
      counts.resolve(selector.counts);
    } catch (error) {
      expected.reject(error);
      counts.reject(error);
      throw error;
    } finally {
      const left = new CoffreError('interrupted', `cannot select of ${database}: it was not read to its end`);
      expected.reject(left);
      counts.reject(left);
    }
  }
  return { pieces: selected(), expected: expected.promise, counts: counts.promise };
}

/**
 * The digests that are expected, with the conditions of the lanes as `sealed` in the archive has them: under them the rows
 * can be dumped once more for comparing.
 */
export function withLaneConditions(
  expected: readonly SectionDigest[],
  sealed: readonly SectionDigest[],
): readonly SectionDigest[] {
  return expected.map((section) => {
    const { kind, name, lane } = section;
    if (lane === undefined) return section;
    const found = sealed.find((each) => each.kind === kind && each.name === name && each.lane === lane);
    return { ...section, where: found?.where ?? null };
  });
}

/** The selection with which the dump of what was loaded has the digests that were expected of it. */
export function selectionOfRedump(selection: Selection): Selection {
  const definer: Selection['definer'] = selection.definer.kind === 'invoker' ? selection.definer : { kind: 'keep' };
  return { ...selection, schemaOnly: false, as: null, definer, events: 'keep' };
}

function assertFound(database: string, { tables }: Selection, found: ReadonlySet<string>): void {
  const missing = tables?.filter((name) => !found.has(name)) ?? [];
  if (missing.length === 0) return;
  throw new CoffreError(
    'not-found',
    `cannot restore ${missing.join(', ')}: ${database} has no such table or view in this run`,
    {
      hint: 'names are as the server spells them; without --table the whole database is restored',
    },
  );
}

function settled<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
