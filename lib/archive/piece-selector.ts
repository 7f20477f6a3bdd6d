import type { DatabaseName } from '../model/names.ts';
import type { ObjectCounts } from '../model/object-counts.ts';
import type { Selection } from '../model/selection.ts';
import { withDefiner } from './definer.ts';
import { withEventDisabled } from './disable-event.ts';
import type { Piece } from './piece.ts';
import { PieceWriter } from './piece-writer.ts';
import { DatabaseRename } from './rename-database.ts';
import type { Section, SectionKind } from './sections.ts';
import { sequencesIn } from './sequences-in.ts';
import { asLatin1 } from './sql-tokens.ts';
import { type DumpPart, type SqlRules, StatementReader } from './statement-reader.ts';
import { HEAD_BYTES, Tally } from './tally.ts';

const NAMED: readonly SectionKind[] = ['table', 'rows', 'triggers', 'sequence', 'view-placeholder', 'view'];
const ENDS: readonly SectionKind[] = ['preamble', 'trailer'];
/** In these there is text between many rows; everywhere else it is small, and looked at as a whole. */
const WITH_ROWS: readonly SectionKind[] = ['table', 'rows'];

/** Chooses among the pieces of a dump, one after another, and rewrites them. See `selectPieces`. */
export class PieceSelector {
  readonly #selection: Selection;
  readonly #tables: ReadonlySet<string> | null;
  readonly #rename: DatabaseRename | undefined;
  /** The comment with which the dump program comes back for the views. Without views there is none. */
  readonly #backToViews: string;
  readonly #reader = new StatementReader();
  readonly #writer = new PieceWriter();
  readonly #tally = new Tally();
  readonly #found = new Set<string>();
  /** Sequences that nobody named: a table that is kept may need them. */
  readonly #sequences = new Map<string, Piece[]>();
  /** The start of a table that is kept, until it is known which sequences have to be there before it. */
  #head: Piece[] | undefined;
  #headEnds = false;
  #last: Piece | undefined;
  #text: Buffer[] = [];
  #switch: Piece | undefined;

  constructor(database: DatabaseName, selection: Selection) {
    this.#selection = selection;
    this.#tables = selection.tables && new Set(selection.tables);
    this.#rename = selection.as === null ? undefined : new DatabaseRename(database, selection.as);
    const name = `\`${asLatin1(database).replaceAll('`', '``')}\``.replaceAll('\n', '\n-- ');
    this.#backToViews = `--\n-- Current Database: ${name}\n--\n`;
  }

  /** The tables, views and sequences that were named and have come. */
  get found(): ReadonlySet<string> {
    return this.#found;
  }

  get counts(): ObjectCounts {
    return this.#tally.counts;
  }

  *push(piece: Piece): Generator<Piece> {
    const { section } = piece;
    if (this.#last && (section !== this.#last.section || piece.opens)) yield* this.#leave(this.#last);
    if (section.kind === 'switch') {
      // Of no use where what it leads to is left out.
      this.#switch = { ...piece, bytes: Buffer.from(piece.bytes) };
      return;
    }
    if (!this.#isKept(section)) return;
    if (this.#switch) yield* this.#plain(this.#switch);
    this.#switch = undefined;
    if (piece.opens && section.kind === 'table' && this.#sequences.size > 0) {
      this.#head = [];
      this.#headEnds = false;
    }
    this.#last = piece;
    this.#writer.enter(section);
    this.#write(section.kind, this.#reader.push(piece.bytes));
    yield* this.#given(piece);
  }

  *end(): Generator<Piece> {
    if (this.#last) yield* this.#leave(this.#last);
  }

  #isKept({ kind, name }: Section): boolean {
    if (!this.#tables || ENDS.includes(kind)) return true;
    if (!NAMED.includes(kind) || name === null) return false;
    if (!this.#tables.has(name)) return kind === 'sequence' && !this.#selection.leaves?.includes(name);
    this.#found.add(name);
    return true;
  }

  /** A section ends, or is interrupted: nothing of it may be left. */
  *#leave(last: Piece): Generator<Piece> {
    this.#last = undefined;
    this.#writer.enter(last.section);
    this.#write(last.section.kind, this.#reader.flush());
    this.#endText(last.section.kind);
    this.#headEnds = true;
    yield* this.#given(last);
  }

  *#plain({ section, data, bytes }: Piece): Generator<Piece> {
    this.#writer.enter(section);
    this.#writer.addStatement(bytes);
    yield* this.#writer.take(data);
  }

  /** What has been written, now or once it may come. */
  *#given({ section: { kind, name }, data }: Piece): Generator<Piece> {
    const pieces = this.#writer.take(data);
    const held = () => pieces.map((piece) => ({ ...piece, bytes: Buffer.from(piece.bytes) }));
    if (this.#tables && kind === 'sequence' && name !== null && !this.#tables.has(name)) {
      this.#sequences.set(name, [...(this.#sequences.get(name) ?? []), ...held()]);
    } else if (!this.#head) yield* pieces;
    else if (!this.#headEnds) this.#head.push(...held());
    else {
      yield* this.#head;
      yield* pieces;
      this.#head = undefined;
    }
  }

  #write(kind: SectionKind, parts: readonly DumpPart[]): void {
    for (const part of parts) {
      if (part.kind === 'text') this.#addText(kind, part);
      else if (part.kind === 'statement') {
        this.#endText(kind);
        this.#addStatement(kind, part.bytes, part.rules);
      } else if (!this.#selection.schemaOnly) this.#writer.addStatement(part.bytes);
    }
  }

  #addText(kind: SectionKind, { bytes, afterRows }: DumpPart & { kind: 'text' }): void {
    if (!WITH_ROWS.includes(kind)) this.#text.push(Buffer.from(bytes));
    else if (afterRows && this.#selection.schemaOnly) this.#writer.addText(bytes.subarray(1));
    else this.#writer.addText(bytes, afterRows);
  }

  #endText(kind: SectionKind): void {
    if (this.#text.length === 0) return;
    const text = Buffer.concat(this.#text.splice(0)).toString('latin1');
    const kept = kind === 'preamble' ? text : text.replace(this.#backToViews, '');
    this.#writer.addText(Buffer.from(this.#rename?.inText(kept) ?? kept, 'latin1'));
  }

  #addStatement(kind: SectionKind, bytes: Buffer, rules: SqlRules): void {
    const sql = bytes.toString('latin1');
    // The database is in use from the preamble on.
    if (kind !== 'preamble' && sql.startsWith('USE ')) return;
    if (this.#head && sql.startsWith('CREATE TABLE ')) this.#callSequences(sql, rules);
    const rewritten = this.#rewritten(kind, sql, rules);
    this.#writer.addStatement(rewritten === sql ? bytes : Buffer.from(rewritten, 'latin1'));
    this.#tally.add(kind, rewritten.slice(0, HEAD_BYTES), rewritten.length);
  }

  #rewritten(kind: SectionKind, sql: string, rules: SqlRules): string {
    const { definer, events } = this.#selection;
    const defined = withDefiner(sql, kind, rules, definer);
    const stopped = kind === 'events' && events === 'disabled' ? withEventDisabled(defined) : defined;
    return this.#rename?.inStatement(stopped, kind, rules) ?? stopped;
  }

  /** The sequences that the defaults of a table take numbers from come before it. */
  #callSequences(sql: string, rules: SqlRules): void {
    const needed: Piece[] = [];
    for (const name of sequencesIn(sql, rules)) {
      needed.push(...(this.#sequences.get(name) ?? []));
      this.#sequences.delete(name);
    }
    this.#head?.unshift(...needed);
    this.#headEnds = true;
  }
}
