import type { Section } from '../archive/sections.ts';
import type { Connection } from '../database/connection.ts';
import type { LoadBudget } from './load-budget.ts';
import { LoadLane } from './load-lane.ts';

const NOTHING: Section = { kind: 'switch', name: null };

/** The connections of the load of one archive: one, and more as long as the budget has some and all are busy. */
export class DumpLanes {
  readonly #target: Connection;
  readonly #subject: string;
  readonly #budget: LoadBudget;
  readonly #preamble: () => Buffer;
  readonly #lanes: LoadLane[] = [];
  #extra = 0;

  /** `preamble` makes and uses the database, under the settings of its dump. */
  constructor(target: Connection, subject: string, budget: LoadBudget, preamble: () => Buffer) {
    this.#target = target;
    this.#subject = subject;
    this.#budget = budget;
    this.#preamble = preamble;
  }

  get count(): number {
    return this.#lanes.length;
  }

  /** One that is not busy. */
  async idle(): Promise<LoadLane> {
    for (;;) {
      const idle = this.#lanes.find((lane) => !lane.isBusy);
      if (idle) return idle;
      if (this.#lanes.length === 0) return await this.#begin();
      if (this.#budget.take()) {
        this.#extra += 1;
        return await this.#begin();
      }
      await Promise.race(this.#lanes.map((lane) => lane.free()));
    }
  }

  /** Settles when each has carried out what it was given. To be called where on each a statement may stand. */
  async settle(): Promise<void> {
    const asked = await Promise.all(this.#lanes.map((lane) => lane.ask(NOTHING)));
    await Promise.all(asked.map((answered) => answered()));
  }

  async close(): Promise<void> {
    if (this.#lanes.length === 0) await this.#begin();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** Ends every connection, whatever it is at. */
  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
  }

  /** Gives back what it had of the budget beyond its own connection. */
  release(): void {
    this.#budget.give(this.#extra);
    this.#extra = 0;
  }

  async #begin(): Promise<LoadLane> {
    const lane = await LoadLane.open(this.#target, this.#subject, this.#preamble());
    this.#lanes.push(lane);
    // The first one makes the database, before another one uses it.
    if (this.#lanes.length === 1) await (await lane.ask(NOTHING))();
    return lane;
  }
}
