import { CoffreError } from '../model/error.ts';
import type { DatabaseName } from '../model/names.ts';
import { type Selection, WHOLE } from '../model/selection.ts';
import type { SectionDigest } from './digests.ts';
import type { Piece } from './piece.ts';

/** What of an archive's pieces is loaded, and as what. Nothing but all of it, as yet. */
export function selectPieces(
  _pieces: AsyncIterable<Piece>,
  database: DatabaseName,
  selection: Selection,
): { readonly pieces: AsyncIterable<Piece>; readonly expected: Promise<readonly SectionDigest[]> } {
  const what = selection === WHOLE ? 'all' : 'a part';
  throw new CoffreError('unexpected', `cannot select ${what} of ${database}: there is no selection yet`);
}
