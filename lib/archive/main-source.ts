import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { type Block, BlockBuilder } from './block-builder.ts';
import { HEAD_LIMIT, settingsIn } from './dump-head.ts';
import { triggersMarker } from './lane-markers.ts';
import type { Piece } from './piece.ts';
import { PieceSource } from './piece-source.ts';
import type { Section, SectionKind } from './sections.ts';
import { afterStructure, isInnoDb } from './table-structure.ts';

/** What comes before the first table: a table's default may take a number from a sequence. */
const BEFORE_TABLES: readonly SectionKind[] = ['preamble', 'sequence'];
/** Triggers of laned tables are held until the last lane has ended. With more than this, the dump waits for that. */
const HELD_LIMIT = 16 * 1024 * 1024;

/** The table that the dump is at. */
interface Table {
  readonly name: string;
  /** Copies of all up to the rows; no more than `HEAD_LIMIT`. */
  readonly text: Buffer[];
  textBytes: number;
  hasData: boolean;
}

/**
 * The dump of a database some of whose tables are dumped in lanes: what comes before the tables, and then the rest, without
 * the structures of laned tables, and with their triggers at its end.
 */
export class MainSource {
  readonly #pieces: PieceSource;
  readonly #builder = new BlockBuilder();
  readonly #laned: ReadonlySet<string>;
  readonly #preamble: Buffer[] = [];
  readonly #triggers = new Map<string, Buffer>();
  #heldBytes = 0;
  #table: Table | undefined;

  constructor(dump: Bytes, laned: readonly string[]) {
    this.#pieces = new PieceSource(dump, 'the dump');
    this.#laned = new Set(laned);
  }

  /** After `beforeTables`. */
  get settings(): readonly string[] {
    return settingsIn(this.#preamble);
  }

  async *beforeTables(): AsyncGenerator<Block, void, undefined> {
    for (let piece = await this.#pieces.next(); piece; piece = await this.#pieces.next()) {
      if (!BEFORE_TABLES.includes(piece.section.kind)) {
        this.#pieces.putBack(piece);
        break;
      }
      if (piece.section.kind === 'preamble') this.#preamble.push(Buffer.from(piece.bytes));
      yield* this.#builder.add(piece);
    }
    yield* this.#builder.close();
  }

  /**
   * The tables and all that follows. `structures` are those with which the laned tables begin in the archive; the
   * triggers of these, and the trailer, come after `lanesEnded`. Throws `dump-failed` when the dump has other
   * structures, or rows of a laned table, or lacks the rows of another one.
   */
  async *tables(
    structures: ReadonlyMap<string, string>,
    lanesEnded: Promise<void>,
  ): AsyncGenerator<Block, void, undefined> {
    for (let piece = await this.#pieces.next(); piece; piece = await this.#pieces.next()) {
      if (piece.opens) {
        this.#closeTable(structures);
        if (piece.section.kind === 'trailer') this.#assertAll(structures);
        if (piece.section.kind === 'trailer' || this.#heldBytes > HELD_LIMIT) {
          yield* this.#builder.close();
          await lanesEnded;
          yield* this.#giveTriggers();
        }
        this.#openTable(piece.section);
      }
      if (this.#table) this.#note(this.#table, piece);
      if (!this.#table || !this.#laned.has(this.#table.name)) yield* this.#builder.add(piece);
    }
    yield* this.#builder.close();
  }

  close(): void {
    this.#pieces.close();
  }

  #openTable({ kind, name }: Section): void {
    if (kind === 'table' && name !== null) this.#table = { name, text: [], textBytes: 0, hasData: false };
  }

  #note(table: Table, { data, bytes }: Piece): void {
    if (data) table.hasData = true;
    const isLaned = this.#laned.has(table.name);
    if (data && isLaned) throw failed(table.name, 'its rows are in the dump of its database, too');
    if (data || (!isLaned && table.textBytes > HEAD_LIMIT)) return;
    table.text.push(Buffer.from(bytes));
    table.textBytes += bytes.length;
  }

  #closeTable(structures: ReadonlyMap<string, string>): void {
    if (!this.#table) return;
    const { name, text, hasData } = this.#table;
    this.#table = undefined;
    const structure = structures.get(name);
    if (structure === undefined) {
      // The dump program takes the names of tables without rows for names in any case of letters.
      const isTwin = [...this.#laned].some((each) => each.toLowerCase() === name.toLowerCase());
      if (hasData || (!isTwin && !isInnoDb(Buffer.concat(text).toString('latin1')))) return;
      throw failed(name, 'its rows are in no dump', 'report it: two tables may differ by upper and lower case only');
    }
    const rest = afterStructure(Buffer.concat(text).toString('latin1'), structure);
    if (rest === null) throw changed(name);
    const triggers = Buffer.from(rest, 'latin1');
    this.#triggers.set(name, triggers);
    this.#heldBytes += triggers.length;
  }

  #assertAll(structures: ReadonlyMap<string, string>): void {
    for (const name of structures.keys()) if (!this.#triggers.has(name)) throw changed(name);
  }

  *#giveTriggers(): Generator<Block> {
    for (const [name, text] of this.#triggers) {
      const sql = text.toString('latin1').trim();
      if (sql === '') continue;
      const section: Section = { kind: 'triggers', name };
      const bytes = Buffer.concat([triggersMarker(name), Buffer.from(`${sql}\n\n`, 'latin1')]);
      yield { section, last: section, opens: true, bytes, whole: true };
    }
    for (const name of this.#triggers.keys()) this.#triggers.set(name, Buffer.alloc(0));
    this.#heldBytes = 0;
  }
}

/** The error of a table that is not the same in the dump of its database and in each of its lanes. */
export function changed(table: string): CoffreError {
  return new CoffreError('schema-changed', `cannot archive the table ${table}: it was changed while it was dumped`, {
    hint: 'let no schema change run during the backup, and run it again',
  });
}

function failed(
  table: string,
  why: string,
  hint = 'report it: the dump was asked for in another way than its lanes',
): CoffreError {
  return new CoffreError('dump-failed', `cannot archive the table ${table}: ${why}`, { hint });
}
