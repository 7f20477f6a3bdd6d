/** Does `act` for each of `items`, as many at a time as `limit`. Throws the first failure. */
export async function atMost<T>(limit: number, items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
