/**
 * Which tables have lost their secondary keys for as long as they are loaded, over all databases. A table with a foreign key to
 * one of them cannot be made meanwhile.
 */
export class DeferredKeys {
  readonly #needed = new Set<string>();
  readonly #deferred = new Map<string, () => Promise<void>>();

  /** False when somebody needs the keys. `restore` gives them back; it is called once. */
  defer(database: string, table: string, restore: () => Promise<void>): boolean {
    const key = JSON.stringify([database, table]);
    if (this.#needed.has(key)) return false;
    let restored: Promise<void> | undefined;
    this.#deferred.set(key, () => {
      restored ??= restore();
      return restored;
    });
    return true;
  }

  /** Settles when the table has its keys; it keeps them from then on. */
  async need(database: string, table: string): Promise<void> {
    const key = JSON.stringify([database, table]);
    this.#needed.add(key);
    await this.#deferred.get(key)?.();
  }

  /** Gives its keys back to a table. */
  async restore(database: string, table: string): Promise<void> {
    const key = JSON.stringify([database, table]);
    await this.#deferred.get(key)?.();
    this.#deferred.delete(key);
  }

  /** A database that is not there any more. */
  forget(database: string): void {
    const start = `${JSON.stringify([database]).slice(0, -1)},`;
    for (const key of this.#deferred.keys()) if (key.startsWith(start)) this.#deferred.delete(key);
  }
}
