import type { Section } from '../archive/sections.ts';
import type { DumpLanes } from './dump-lanes.ts';
import type { LoadLane } from './load-lane.ts';

const INSERT = Buffer.from('INSERT INTO ');
/** Enough rows to be worth another connection. */
const TURN_BYTES = 512 * 1024;

/** Deals the rows of one table to several connections, INSERT by INSERT. */
export class RowDealer {
  readonly #section: Section;
  readonly #lanes: DumpLanes;
  readonly #home: LoadLane;
  /** Settles when the table is there for all. */
  readonly #made: () => Promise<void>;
  #at: LoadLane;
  #turnBytes = 0;
  #atRest = false;
  /** Bytes behind the last INSERT, too few to tell whether there is another one. */
  #undecided = Buffer.alloc(0);

  /** `home` is the connection that has just made the table. */
  static async begin(section: Section, lanes: DumpLanes, home: LoadLane): Promise<RowDealer> {
    return new RowDealer(section, lanes, home, await home.ask(section));
  }

  private constructor(section: Section, lanes: DumpLanes, home: LoadLane, made: () => Promise<void>) {
    this.#section = section;
    this.#lanes = lanes;
    this.#home = home;
    this.#made = made;
    this.#at = home;
  }

  /** The connection that got the last bytes. */
  get lane(): LoadLane {
    return this.#at;
  }

  /** `rest` as that of a Piece: the offset of the last place behind an INSERT. */
  async deal(bytes: Buffer, rest: number): Promise<void> {
    let part = bytes;
    let to = rest;
    if (this.#atRest) {
      part = Buffer.concat([this.#undecided, bytes]);
      to = rest === 0 ? 0 : rest + this.#undecided.length;
      if (!(await this.#turn(part))) return;
    }
    await this.#write(part.subarray(0, to > 0 ? to : part.length));
    if (to === 0) return;
    this.#atRest = true;
    const more = part.subarray(to);
    if (await this.#turn(more)) await this.#write(more);
  }

  /** At the end of the table. */
  async end(): Promise<void> {
    await this.#write(this.#undecided);
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#turnBytes += bytes.length;
    await this.#at.write(this.#section, bytes);
  }

  /**
   * Behind an INSERT, `bytes` being what follows: chooses who gets it. False when it is too little to tell; then it is kept.
   * What is not an INSERT is for the table's own connection, once all rows are in: it may be a trigger.
   */
  async #turn(bytes: Buffer): Promise<boolean> {
    if (bytes.length < INSERT.length) {
      this.#undecided = Buffer.from(bytes);
      return false;
    }
    this.#undecided = Buffer.alloc(0);
    this.#atRest = false;
    if (bytes.compare(INSERT, 0, INSERT.length, 0, INSERT.length) !== 0) {
      if (this.#lanes.count > 1) await this.#lanes.settle();
      this.#at = this.#home;
    } else if (this.#turnBytes >= TURN_BYTES) {
      const next = await this.#lanes.idle();
      if (next !== this.#home) await this.#made();
      this.#at = next;
      this.#turnBytes = 0;
    }
    return true;
  }
}
