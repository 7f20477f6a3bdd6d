import type { Bytes } from '../model/stages.ts';
import { sleep } from './clock.ts';

export interface PaceOptions {
  /** What all that share the pace may do together. Asked for again and again where it changes; infinite where there is no limit. */
  readonly bytesPerSecond: number | (() => number);
  /**
   * How long one piece waits at most, however many others there are: a limit that would starve one of them gives way. Without
   * end if absent.
   */
  readonly longestWaitMs?: number;
  /** The monotonic clock, and the way to wait by it; those of this process if absent. */
  readonly time?: { nowMs(): number; sleep(ms: number): Promise<void> };
}

/** Time that was not used may be caught up with, up to this: timers come late, and the rate has to hold all the same. */
const BURST_MS = 200;
/** A piece takes this long at the rate: short enough that nothing at either end takes the pause for a stall. */
const PIECE_MS = 50;
const SMALLEST_PIECE = 1024;
/** What a pipe gives at a time. */
const LARGEST_PIECE = 64 * 1024;
const MONOTONIC = { nowMs: () => performance.now(), sleep };

/**
 * A token bucket that several streams draw from, each in turn: none of them gets ahead of the others, and one that is
 * alone has all of it.
 */
export class Pace {
  readonly #bytesPerMs: () => number;
  readonly #longestWaitMs: number;
  readonly #time: NonNullable<PaceOptions['time']>;
  /** When the bucket has what was drawn up to now, in milliseconds of the monotonic clock. */
  #paidUntil: number | undefined;

  constructor({ bytesPerSecond, longestWaitMs = Number.POSITIVE_INFINITY, time = MONOTONIC }: PaceOptions) {
    this.#time = time;
    this.#bytesPerMs = typeof bytesPerSecond === 'number' ? () => bytesPerSecond / 1000 : () => bytesPerSecond() / 1000;
    this.#longestWaitMs = longestWaitMs;
  }

  /** `source` at this pace, in small pieces. Nothing is copied: a piece is its reader's until the next one is asked for. */
  through<S extends Bytes>(source: S): S {
    return this.#pieces(source) as Bytes as S;
  }

  async *#pieces(source: Bytes): Bytes {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; ) {
        const wanted = Math.round(this.#bytesPerMs() * PIECE_MS);
        const piece = chunk.subarray(at, at + Math.min(LARGEST_PIECE, Math.max(SMALLEST_PIECE, wanted)));
        at += piece.length;
        await this.#draw(piece.length);
        yield piece;
      }
    }
  }

  async #draw(bytes: number): Promise<void> {
    const now = this.#time.nowMs();
    // Nobody is in debt for what the longest wait has let through, or all would wait as long for ever.
    const begins = Math.min(Math.max(this.#paidUntil ?? now, now - BURST_MS), now + this.#longestWaitMs);
    this.#paidUntil = begins + bytes / this.#bytesPerMs();
    if (begins > now) await this.#time.sleep(begins - now);
  }
}
