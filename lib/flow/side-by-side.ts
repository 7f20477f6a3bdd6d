/** Does `act` to all, up to `limit` at a time, begun in order. Returns what each gave, in order; throws what the first threw, once none is at work. */
export async function sideBySide<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = [...items].entries();
  let failed: { readonly error: unknown } | undefined;
  const work = async () => {
    for (const [index, item] of left) {
      if (failed) return;
      try {
        results[index] = await act(item);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, work));
  if (failed) throw failed.error;
  return results;
}
