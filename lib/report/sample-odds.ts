/**
 * The chance, from 0 to 1, that `read` segments taken at random, each at most once, of the `total` of a file are all sound
 * although `share` of its segments (0 to 1, at least one of them) are damaged. Source: hypergeometric distribution.
 */
export function oddsOfMissing(read: number, total: number, share: number): number {
  const damaged = Math.min(total, Math.max(1, Math.ceil(total * share)));
  let odds = 1;
  for (let index = 0; index < damaged; index++) odds *= Math.max(0, total - read - index) / (total - index);
  return odds;
}

/** How many segments of `total` have to be read for the chance above to be `odds` at most. */
export function sampleFor(odds: number, total: number, share: number): number {
  let [low, high] = [0, total];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (oddsOfMissing(middle, total, share) <= odds) high = middle;
    else low = middle + 1;
  }
  return low;
}
