/**
 * The longest part of `items`, in their order, whose values never fall; of several the one that ends earliest in value.
 * What is not in it stands out of order. n log n: patience sorting.
 */
export function longestRise<Item>(items: readonly Item[], keyOf: (item: Item) => number): readonly Item[] {
  /** At [length - 1]: where the rise of that length ends that ends lowest. */
  const ends: number[] = [];
  const before: (number | undefined)[] = [];
  const values = items.map(keyOf);
  for (const [index, value] of values.entries()) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[ends[middle] as number] as number) <= value) low = middle + 1;
      else high = middle;
    }
    before[index] = low === 0 ? undefined : ends[low - 1];
    ends[low] = index;
  }
  const rise: Item[] = [];
  for (let at = ends.at(-1); at !== undefined; at = before[at]) rise.push(items[at] as Item);
  return rise.reverse();
}
