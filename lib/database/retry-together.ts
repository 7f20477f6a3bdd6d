/**
 * Does `act` to all in order, and again to those that have failed, as long as any succeeds, and once more in any case: what one
 * brings back, such as the tables under another one's view, it may have brought back although it has failed itself. Returns
 * what each that is left has failed with.
 */
export async function retryTogether<Item>(
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<readonly { readonly item: Item; readonly error: unknown }[]> {
  let left = items;
  for (let pass = 1; ; pass += 1) {
    const failed: { readonly item: Item; readonly error: unknown }[] = [];
    for (const item of left) {
      try {
        await act(item);
      } catch (error) {
        failed.push({ item, error });
      }
    }
    if (failed.length === 0 || (pass > 1 && failed.length === left.length)) return failed;
    left = failed.map(({ item }) => item);
  }
}
