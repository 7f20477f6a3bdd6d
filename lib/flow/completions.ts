/** Values as they come to be finished, in that order: several producers, one consumer, nothing dropped. */
export class Completions<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = [];
  #state: 'open' | 'ended' | { readonly error: unknown } = 'open';
  #wake: () => void = () => undefined;

  push(value: T): void {
    this.#waiting.push(value);
    this.#wake();
  }

  end(): void {
    this.#state = 'ended';
    this.#wake();
  }

  /** What is waiting is dropped, and the consumer gets the error. */
  fail(error: unknown): void {
    this.#state = { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      if (typeof this.#state === 'object') throw this.#state.error;
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#state === 'ended') return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
