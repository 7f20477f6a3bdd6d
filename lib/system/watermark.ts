/**
 * How far a writer has come, for readers that come behind it and never hold it up. The writer ends with `end` or `fail`:
 * it MUST, or whoever follows it waits for ever.
 */
export class Watermark {
  #bytes = 0;
  #ended = false;
  #failed: { readonly error: unknown } | undefined;
  #turn = turn();

  /** So many bytes can be read back now. */
  rise(bytes: number): void {
    this.#bytes = bytes;
    this.#next();
  }

  end(): void {
    this.#ended = true;
    this.#next();
  }

  fail(error: unknown): void {
    this.#failed = { error };
    this.#next();
  }

  /**
   * How many bytes there are, as soon as there are `bytes`, or all there will ever be. Throws what the writer failed with,
   * also where there were enough of them before, and the signal's reason.
   */
  async reach(bytes: number, signal?: AbortSignal): Promise<number> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#failed) throw this.#failed.error;
      if (this.#ended || this.#bytes >= bytes) return this.#bytes;
      await (signal ? unlessAborted(this.#turn.over, signal) : this.#turn.over);
    }
  }

  #next(): void {
    this.#turn.end();
    this.#turn = turn();
  }
}

/** From one step of the writer to the next. */
function turn(): { readonly over: Promise<void>; readonly end: () => void } {
  let end: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { over, end };
}

async function unlessAborted(event: Promise<void>, signal: AbortSignal): Promise<void> {
  let abort: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => {
    abort = resolve;
    signal.addEventListener('abort', abort, { once: true });
  });
  await Promise.race([event, aborted]);
  signal.removeEventListener('abort', abort);
}
