import type { Piece } from '../archive/piece.ts';
import { keepsKeyOrder } from '../archive/row-order.ts';
import type { Section, SectionKind } from '../archive/sections.ts';
import type { DumpLanes } from './dump-lanes.ts';
import type { LateKeys } from './late-keys.ts';
import type { LoadLane } from './load-lane.ts';
import { RowDealer } from './row-dealer.ts';

/** SQL that is carried out later than it stands in its dump. */
export interface HeldSection {
  readonly section: Section;
  readonly sql: Buffer;
}

/** Views refer to tables and views of other databases, too; and events go to work as soon as they are there. */
const HELD: readonly SectionKind[] = ['view', 'events'];
/** The settings of each connection, and comments. */
const LEFT_OUT: readonly SectionKind[] = ['trailer', 'switch'];

/**
 * Loads one archive's dump piece by piece over one connection or several. Sections are carried out in order where one
 * needs another: sequences before tables, a table's structure before its rows, its rows before its triggers. Everything of
 * a table goes through one connection, unless its rows come out in the order of its key however they went in.
 */
export class DumpLoad {
  readonly #lanes: DumpLanes;
  readonly #keys: LateKeys;
  /** The connections of sections that are interrupted by others: each goes on where it has begun. */
  readonly #rows = new Map<Section, LoadLane>();
  readonly #held = new Map<Section, Buffer[]>();
  /** Of the section that is not one of `rows`. */
  #main: LoadLane | undefined;
  #last: SectionKind = 'preamble';
  /** The table that is read, until its structure is complete: that may have to wait for something. */
  #structure: { readonly section: Section; readonly parts: Buffer[] } | undefined;
  #dealer: RowDealer | undefined;
  /** The table whose rows are read. */
  #table: Section | undefined;

  constructor(lanes: DumpLanes, keys: LateKeys) {
    this.#lanes = lanes;
    this.#keys = keys;
  }

  /** What is left to be carried out, in order. */
  held(kind: SectionKind): readonly HeldSection[] {
    const sections = [...this.#held].filter(([section]) => section.kind === kind);
    return sections.map(([section, parts]) => ({ section, sql: Buffer.concat(parts) }));
  }

  /** Takes a piece of anything but the preamble. */
  async add(piece: Piece): Promise<void> {
    const { section, opens, bytes } = piece;
    if (HELD.includes(section.kind)) {
      if (opens) this.#held.set(section, []);
      this.#held.get(section)?.push(Buffer.from(bytes));
    } else if (!LEFT_OUT.includes(section.kind)) {
      const lane = opens ? await this.#open(section) : (this.#rows.get(section) ?? this.#main);
      if (!lane) throw new Error('a piece of a section that has not been opened');
      if (section.kind === 'table') await this.#addTable(piece, lane);
      else if (section.kind === 'rows') await this.#addRows(piece, lane);
      else await lane.write(section, bytes);
    }
  }

  /** Settles when all that was added has been carried out. */
  async finish(): Promise<void> {
    await this.#endTable();
    await this.#lanes.settle();
    await this.#keys.restore(this.#lanes.count);
    await this.#lanes.close();
  }

  /** The connection of a new section, when all is there that it needs. */
  async #open(section: Section): Promise<LoadLane> {
    if (section.kind === 'rows') {
      await this.#makeTable();
      // The structures of all such tables stand before the rows of the first.
      if (this.#rows.size === 0) await this.#lanes.settle();
      const lane = await this.#lanes.idle();
      this.#rows.set(section, lane);
      return lane;
    }
    await this.#endTable();
    if (section.kind !== 'sequence' && this.#last === 'sequence') await this.#lanes.settle();
    if (section.kind === 'triggers' && this.#last !== 'triggers') await this.#lanes.settle();
    this.#last = section.kind;
    this.#main = await this.#lanes.idle();
    return this.#main;
  }

  async #addTable(piece: Piece, home: LoadLane): Promise<void> {
    const { section, opens, data, bytes, rest } = piece;
    if (!data) {
      if (opens) this.#structure = { section, parts: [] };
      if (this.#structure) this.#structure.parts.push(Buffer.from(bytes));
      else await home.write(section, bytes);
      return;
    }
    const structure = await this.#makeTable();
    if (structure !== undefined) {
      this.#table = section;
      if (keepsKeyOrder(structure)) this.#dealer = await RowDealer.begin(section, this.#lanes, home);
    }
    const isLarge = this.#keys.count(section, bytes.length);
    if (!this.#dealer) return await home.write(section, bytes);
    if (!isLarge || rest === 0) return await this.#dealer.deal(bytes, rest);
    await this.#dealer.deal(bytes.subarray(0, rest), rest);
    await this.#keys.drop(section, this.#dealer.lane);
    await this.#dealer.deal(bytes.subarray(rest), 0);
  }

  async #addRows({ section, bytes, rest }: Piece, lane: LoadLane): Promise<void> {
    const isLarge = this.#keys.count(section, bytes.length);
    if (!isLarge || rest === 0) return await lane.write(section, bytes);
    await lane.write(section, bytes.subarray(0, rest));
    await this.#keys.drop(section, lane);
    await lane.write(section, bytes.subarray(rest));
  }

  /** Makes the table that was read, and returns its structure; undefined when there is none to be made. */
  async #makeTable(): Promise<string | undefined> {
    if (!this.#structure || !this.#main) return undefined;
    const { section, parts } = this.#structure;
    this.#structure = undefined;
    const bytes = Buffer.concat(parts);
    const structure = bytes.toString('latin1');
    await this.#keys.take(section, structure);
    await this.#main.write(section, bytes);
    return structure;
  }

  async #endTable(): Promise<void> {
    await this.#makeTable();
    await this.#dealer?.end();
    if (this.#table) this.#keys.forget(this.#table);
    this.#dealer = undefined;
    this.#table = undefined;
  }
}
