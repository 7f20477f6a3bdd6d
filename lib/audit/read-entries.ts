import { type TreeEntry, treeEntries } from './git-objects.ts';
import { type Place, placeOf } from './paths.ts';

/** An entry, and what its path may hold. */
export interface PlacedEntry extends TreeEntry {
  readonly place: Place | 'other' | undefined;
}

/** More than three hundred hosts have in ten years: whatever is there, it fits into memory. */
const ENTRY_LIMIT = 2_500_000;
/** As many of those that do not belong are named, and as many counted. */
const STRAYS = 100;
const STRAY_LIMIT = 100_000;

/**
 * Every entry of `head` that may be where it is, the first of those that may not, and how many more of these there are: Infinity
 * where there are so many that nobody has read further.
 */
export async function readEntries(repository: string, head: string) {
  const entries: PlacedEntry[] = [];
  let strays = 0;
  let total = 0;
  for await (const some of treeEntries(repository, head)) {
    for (const entry of some) {
      const place = placeOf(entry.path);
      if (place === undefined) strays += 1;
      if (place !== undefined || strays <= STRAYS) entries.push({ ...entry, place });
    }
    total += some.length;
    if (total > ENTRY_LIMIT || strays > STRAY_LIMIT) return { entries, strays: Number.POSITIVE_INFINITY };
  }
  return { entries, strays: Math.max(0, strays - STRAYS) };
}
