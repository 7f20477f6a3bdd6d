interface Deferred {
  /** Columns of the key that the table keeps. */
  readonly kept: readonly string[];
  readonly restore: () => Promise<void>;
}

/**
 * Which tables have lost their secondary keys for as long as they are loaded, over all databases. A table with a foreign
 * key to one of these keys cannot be made meanwhile.
 */
export class DeferredKeys {
  readonly #needed = new Map<string, (readonly string[])[]>();
  readonly #deferred = new Map<string, Deferred>();

  /**
   * False when somebody needs one of the keys that the table would lose. `restore` gives them back; it is called once at most.
   */
  defer(database: string, table: string, kept: readonly string[], restore: () => Promise<void>): boolean {
    const name = nameOf(database, table);
    if (this.#needed.get(name)?.some((columns) => !begins(kept, columns))) return false;
    let restored: Promise<void> | undefined;
    const once = () => {
      restored ??= restore();
      return restored;
    };
    this.#deferred.set(name, { kept, restore: once });
    return true;
  }

  /**
   * Settles when the table, where it is there, has the key that begins with these columns. From then on it keeps it.
   */
  async need(database: string, table: string, columns: readonly string[]): Promise<void> {
    const name = nameOf(database, table);
    this.#needed.set(name, [...(this.#needed.get(name) ?? []), columns]);
    const deferred = this.#deferred.get(name);
    if (deferred && !begins(deferred.kept, columns)) await deferred.restore();
  }

  /** Gives its keys back to a table. */
  async restore(database: string, table: string): Promise<void> {
    const name = nameOf(database, table);
    await this.#deferred.get(name)?.restore();
    this.#deferred.delete(name);
  }

  /** A database that is not there any more. */
  forget(database: string): void {
    const start = `${JSON.stringify([database]).slice(0, -1)},`;
    for (const name of this.#deferred.keys()) if (name.startsWith(start)) this.#deferred.delete(name);
  }
}

function nameOf(database: string, table: string): string {
  return JSON.stringify([database, table]);
}

function begins(key: readonly string[], columns: readonly string[]): boolean {
  return columns.every((column, at) => key[at]?.toLowerCase() === column.toLowerCase());
}
