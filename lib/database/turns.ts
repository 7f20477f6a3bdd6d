import type { Bytes } from '../model/stages.ts';

/** How much of a waiting stream may pass, and how often. */
export interface Trickle {
  readonly bytes: number;
  readonly intervalMs: number;
}

interface Turn {
  readonly taken: boolean;
  /** Settles when the turn has come. */
  readonly begins: Promise<void>;
  end(): void;
}

/**
 * The server drops a connection whose reader stalls for `net_write_timeout` (60 s by default). A mebibyte every ten
 * seconds empties the socket's buffer often enough, and costs a stream that waits an hour 360 MiB.
 */
const DEFAULT_TRICKLE: Trickle = { bytes: 1024 * 1024, intervalMs: 10_000 };

/**
 * Lets `parallel` streams flow at full speed at a time, in the order in which `pace` was called for them. The others wait,
 * and are read just enough to stay alive. Every stream MUST be read, because it gives its turn back when it ends.
 */
export class Turns {
  readonly #trickle: Trickle;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(parallel: number, trickle: Trickle = DEFAULT_TRICKLE) {
    this.#free = parallel;
    this.#trickle = trickle;
  }

  /** `source`, paced. Gives its turn back when it ends, fails, or is left. */
  pace(source: Bytes): Bytes {
    return this.#paced(source, this.#apply());
  }

  async *#paced(source: Bytes, turn: Turn): Bytes {
    let allowance = this.#trickle.bytes;
    try {
      for await (const chunk of source) {
        if (!turn.taken) {
          if (allowance <= 0) {
            await this.#pause(turn.begins);
            allowance = this.#trickle.bytes;
          }
          allowance -= chunk.length;
        }
        yield chunk;
      }
    } finally {
      turn.end();
    }
  }

  #apply(): Turn {
    let begin: () => void = () => undefined;
    const begins = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const turn = {
      taken: false,
      begins,
      end: () => {
        const place = this.#waiting.indexOf(start);
        if (place >= 0) this.#waiting.splice(place, 1);
        else this.#next();
      },
    };
    const start = () => {
      turn.taken = true;
      begin();
    };
    if (this.#free > 0) {
      this.#free -= 1;
      start();
    } else this.#waiting.push(start);
    return turn;
  }

  #next(): void {
    const start = this.#waiting.shift();
    if (start) start();
    else this.#free += 1;
  }

  async #pause(begins: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const interval = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#trickle.intervalMs);
    });
    await Promise.race([begins, interval]);
    clearTimeout(timer);
  }
}
