import { END_OF_TAR, tarHeader, tarPadding } from './tar-blocks.ts';

/** Where an entry stands in a tar, from its header to its last block. */
export interface Place {
  readonly start: number;
  readonly bytes: number;
}

/**
 * Where the entries of a day archive stand, by name, told from their sizes: for a tar that `dayTar` made of them in this
 * order. null when they do not come to `tarBytes`; then the tar has to be read to be known.
 */
export function dayArchivePlaces(
  entries: readonly { readonly name: string; readonly sizeBytes: number }[],
  tarBytes: number,
): ReadonlyMap<string, Place> | null {
  const places = new Map<string, Place>();
  let start = 0;
  for (const { name, sizeBytes } of entries) {
    const bytes = tarHeader(name, sizeBytes).length + sizeBytes + tarPadding(sizeBytes).length;
    places.set(name, { start, bytes });
    start += bytes;
  }
  return start + END_OF_TAR.length === tarBytes ? places : null;
}
