import type { Piece } from '../archive/piece.ts';
import { keepsKeyOrder } from '../archive/row-order.ts';
import type { Section, SectionKind } from '../archive/sections.ts';
import type { Connection } from '../database/connection.ts';
import type { LoadBudget } from './load-budget.ts';
import { LoadLane } from './load-lane.ts';

/** SQL that is carried out later than it stands in its dump. */
export interface HeldSection {
  readonly section: Section;
  readonly sql: Buffer;
}

/** Views refer to tables and views of other databases, too; and events go to work as soon as they are there. */
const HELD: readonly SectionKind[] = ['view', 'events'];
/** Its settings are those of each connection; and comments. */
const LEFT_OUT: readonly SectionKind[] = ['trailer', 'switch'];

const NOTHING: Section = { kind: 'switch', name: null };
const INSERT = Buffer.from('INSERT INTO ');
/** Of a table's CREATE TABLE; a longer one is loaded by one connection. */
const STRUCTURE_LIMIT = 1024 * 1024;
/** Enough rows to be worth another connection. */
const TURN_BYTES = 512 * 1024;

/** The table that is read, once its rows have begun, and may be loaded by several connections. */
interface Spread {
  readonly section: Section;
  readonly home: LoadLane;
  /** Settles when the table is there for all. */
  readonly made: () => Promise<void>;
  at: LoadLane;
  turnBytes: number;
  /** Bytes after the last INSERT, too few to tell whether there is another one. */
  undecided: Buffer;
  atRest: boolean;
}

/**
 * Loads one archive's dump piece by piece over one connection or several. Sections are carried out in order where one
 * needs another: sequences before tables, a table's structure before its rows, its rows before its triggers. Everything of a table goes
 * through one connection, unless its rows come in the order of its key again however they are loaded.
 */
export class DumpLoad {
  readonly #target: Connection;
  readonly #subject: string;
  readonly #budget: LoadBudget;
  readonly #preamble: Buffer[] = [];
  readonly #lanes: LoadLane[] = [];
  /** The connections of sections that are interrupted by others: each goes on where it has begun. */
  readonly #rows = new Map<Section, LoadLane>();
  readonly #held = new Map<Section, Buffer[]>();
  /** Of the section that is not one of `rows`. */
  #main: LoadLane | undefined;
  #last: SectionKind = 'preamble';
  #structure: Buffer[] = [];
  #structureBytes = 0;
  #spread: Spread | undefined;
  #extra = 0;

  constructor(target: Connection, subject: string, budget: LoadBudget) {
    this.#target = target;
    this.#subject = subject;
    this.#budget = budget;
  }

  /** The settings of the dump, and its database. */
  get preamble(): Buffer {
    return Buffer.concat(this.#preamble);
  }

  /** What is left to be carried out, in order. */
  held(kind: SectionKind): readonly HeldSection[] {
    const sections = [...this.#held].filter(([section]) => section.kind === kind);
    return sections.map(([section, parts]) => ({ section, sql: Buffer.concat(parts) }));
  }

  async add(piece: Piece): Promise<void> {
    const { section, opens, bytes } = piece;
    if (section.kind === 'preamble') {
      this.#preamble.push(Buffer.from(bytes));
    } else if (HELD.includes(section.kind)) {
      if (opens) this.#held.set(section, []);
      this.#held.get(section)?.push(Buffer.from(bytes));
    } else if (!LEFT_OUT.includes(section.kind)) {
      const lane = opens ? await this.#open(section) : (this.#rows.get(section) ?? this.#main);
      if (!lane) throw new Error('a piece of a section that has not been opened');
      if (section.kind === 'table') await this.#table(piece, lane);
      else await lane.write(section, bytes);
    }
  }

  /** Settles when all that was added has been carried out. */
  async finish(): Promise<void> {
    if (this.#lanes.length === 0) await this.#lane();
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

  /** The connection of a new section, when all is there that it needs. */
  async #open(section: Section): Promise<LoadLane> {
    if (section.kind === 'rows') {
      // The structures of all such tables stand before the rows of the first.
      if (this.#rows.size === 0) await this.#settle();
      const lane = await this.#lane();
      this.#rows.set(section, lane);
      return lane;
    }
    await this.#endTable();
    if (section.kind !== 'sequence' && this.#last === 'sequence') await this.#settle();
    if (section.kind === 'triggers' && this.#last !== 'triggers') await this.#settle();
    this.#last = section.kind;
    this.#main = await this.#lane();
    return this.#main;
  }

  async #endTable(): Promise<void> {
    const spread = this.#spread;
    this.#spread = undefined;
    this.#structure = [];
    this.#structureBytes = 0;
    if (spread) await this.#write(spread, spread.undecided);
  }

  /** A connection that is not busy: a new one where all are, and there may be more. */
  async #lane(): Promise<LoadLane> {
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

  async #begin(): Promise<LoadLane> {
    const lane = await LoadLane.open(this.#target, this.#subject, this.preamble);
    this.#lanes.push(lane);
    // The first one makes the database, before another one uses it.
    if (this.#lanes.length === 1) await (await lane.ask(NOTHING))();
    return lane;
  }

  /** Waits until every connection has carried out what it was given. */
  async #settle(): Promise<void> {
    const asked = await Promise.all(this.#lanes.map((lane) => lane.ask(NOTHING)));
    await Promise.all(asked.map((answered) => answered()));
  }

  async #table(piece: Piece, home: LoadLane): Promise<void> {
    const { section, data, bytes, rest } = piece;
    if (!data) {
      if (this.#structureBytes <= STRUCTURE_LIMIT) this.#structure.push(Buffer.from(bytes));
      this.#structureBytes += bytes.length;
      return await home.write(section, bytes);
    }
    if (this.#structureBytes > 0) this.#spread = await this.#beginRows(section, home);
    if (!this.#spread) return await home.write(section, bytes);
    await this.#deal(this.#spread, bytes, rest);
  }

  async #beginRows(section: Section, home: LoadLane): Promise<Spread | undefined> {
    const whole = this.#structureBytes <= STRUCTURE_LIMIT;
    const structure = Buffer.concat(this.#structure).toString('latin1');
    this.#structure = [];
    this.#structureBytes = 0;
    if (!whole || !keepsKeyOrder(structure)) return undefined;
    const made = await home.ask(section);
    return { section, home, made, at: home, turnBytes: 0, undecided: Buffer.alloc(0), atRest: false };
  }

  async #deal(spread: Spread, bytes: Buffer, rest: number): Promise<void> {
    let part = bytes;
    let to = rest;
    if (spread.atRest) {
      part = Buffer.concat([spread.undecided, bytes]);
      to = rest === 0 ? 0 : rest + spread.undecided.length;
      if (!(await this.#turn(spread, part))) return;
    }
    await this.#write(spread, part.subarray(0, to > 0 ? to : part.length));
    if (to === 0) return;
    spread.atRest = true;
    const more = part.subarray(to);
    spread.undecided = Buffer.alloc(0);
    if (await this.#turn(spread, more)) await this.#write(spread, more);
  }

  async #write(spread: Spread, bytes: Buffer): Promise<void> {
    spread.turnBytes += bytes.length;
    await spread.at.write(spread.section, bytes);
  }

  /**
   * Behind an INSERT, `bytes` being what follows: chooses who gets it. False when it is too little to tell; then it is kept.
   * What is not an INSERT is for the table's own connection, once all rows are in.
   */
  async #turn(spread: Spread, bytes: Buffer): Promise<boolean> {
    if (bytes.length < INSERT.length) {
      spread.undecided = Buffer.from(bytes);
      return false;
    }
    spread.undecided = Buffer.alloc(0);
    spread.atRest = false;
    if (bytes.compare(INSERT, 0, INSERT.length, 0, INSERT.length) !== 0) {
      if (this.#lanes.length > 1) await this.#settle();
      spread.at = spread.home;
    } else if (spread.turnBytes >= TURN_BYTES) {
      const next = await this.#lane();
      if (next !== spread.home) await spread.made();
      spread.at = next;
      spread.turnBytes = 0;
    }
    return true;
  }
}
