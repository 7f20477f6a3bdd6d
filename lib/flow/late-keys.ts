import { keepsKeyOrder } from '../archive/row-order.ts';
import { referencesOf, type SecondaryKeys, secondaryKeys } from '../archive/secondary-keys.ts';
import type { Section } from '../archive/sections.ts';
import type { DeferredKeys } from './deferred-keys.ts';
import type { LoadLane } from './load-lane.ts';
import { sideBySide } from './side-by-side.ts';

/** From here on it is worth it: a key that is made of all rows at once takes half the time of one that grows with them. */
const WORTH_BYTES = 8 * 1024 * 1024;

interface KeyedTable {
  readonly section: Section;
  readonly keys: SecondaryKeys;
  bytes: number;
  isDeferred: boolean;
}

/** Carries out a statement about a table on a connection of its own. */
export type Alter = (section: Section, statement: string) => Promise<void>;

/** Takes the secondary keys from the large tables of one archive, and gives them back when the rows are in. */
export class LateKeys {
  readonly #database: string;
  readonly #deferred: DeferredKeys;
  readonly #alter: Alter;
  readonly #worthBytes: number;
  readonly #tables = new Map<string, KeyedTable>();

  constructor(database: string, deferred: DeferredKeys, alter: Alter, worthBytes = WORTH_BYTES) {
    this.#worthBytes = worthBytes;
    this.#database = database;
    this.#deferred = deferred;
    this.#alter = alter;
  }

  /** To be called before the table is made, with its CREATE TABLE as latin1. Settles when all is there that it needs. */
  async take(section: Section, structure: string): Promise<void> {
    for (const { database, table, columns } of referencesOf(structure)) {
      await this.#deferred.need(database ?? this.#database, table, columns);
    }
    const keys = section.name !== null && keepsKeyOrder(structure) ? secondaryKeys(structure) : null;
    if (keys && section.name !== null) this.#tables.set(section.name, { section, keys, bytes: 0, isDeferred: false });
  }

  /** A table that has all its rows, and was small. */
  forget({ name }: Section): void {
    if (name !== null && this.#tables.get(name)?.isDeferred === false) this.#tables.delete(name);
  }

  /** Counts rows of a table; true when its keys are to be taken away at the next place where a statement may stand. */
  count({ name }: Section, bytes: number): boolean {
    const table = name === null ? undefined : this.#tables.get(name);
    if (!table || table.isDeferred) return false;
    table.bytes += bytes;
    return table.bytes >= this.#worthBytes;
  }

  /** Takes the keys away, over a connection on which a statement may stand. */
  async drop({ name }: Section, lane: LoadLane): Promise<void> {
    const table = name === null ? undefined : this.#tables.get(name);
    if (!table || name === null || table.isDeferred) return;
    const { section, keys } = table;
    let dropped: () => Promise<void> = async () => undefined;
    table.isDeferred = this.#deferred.defer(this.#database, name, keys.primary, async () => {
      await dropped();
      await this.#alter(section, keys.add);
    });
    if (!table.isDeferred) return void this.#tables.delete(name);
    await lane.write(section, Buffer.from(keys.drop, 'latin1'));
    dropped = await lane.ask(section);
  }

  /** Gives all of them back, some at a time, when the rows are in. */
  async restore(parallel: number): Promise<void> {
    const names = [...this.#tables].filter(([, { isDeferred }]) => isDeferred).map(([name]) => name);
    await sideBySide(names, parallel, (name) => this.#deferred.restore(this.#database, name));
  }
}
