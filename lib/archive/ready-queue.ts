/** An item of a source that was ready; `done` when the source has ended. */
export interface Ready<T> {
  readonly source: AsyncGenerator<T, void, undefined>;
  readonly item: IteratorResult<T, void>;
}

/**
 * Takes items from several sources in the order in which they get ready, so that a fast one leaves the slow ones their
 * turns, and waits for none of them.
 */
export class ReadyQueue<T> {
  readonly #ready: (() => Ready<T>)[] = [];
  #wake: () => void = () => undefined;

  /** Asks a source for its next item. */
  ask(source: AsyncGenerator<T, void, undefined>): void {
    const put = (entry: () => Ready<T>) => {
      this.#ready.push(entry);
      this.#wake();
    };
    source.next().then(
      (item) => put(() => ({ source, item })),
      (error: unknown) =>
        put(() => {
          throw error;
        }),
    );
  }

  /** The item that was ready first. Throws what a source has thrown. Waits for ever when none was asked for. */
  async take(): Promise<Ready<T>> {
    for (;;) {
      const entry = this.#ready.shift();
      if (entry) return entry();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
