import { CoffreError } from '../model/error.ts';
import type { Lane, LaneRows } from '../model/lanes.ts';
import { OBJECT_KINDS } from '../model/object-counts.ts';
import { type Block, BlockBuilder } from './block-builder.ts';
import { HEAD_LIMIT, settingsIn } from './dump-head.ts';
import { changed } from './main-source.ts';
import type { Piece } from './piece.ts';
import { PieceSource } from './piece-source.ts';
import { afterStructure } from './table-structure.ts';

/** A block of a lane, and what its rows are. */
export interface LaneBlock extends Block {
  readonly rows: LaneRows;
}

const NEWLINE = Buffer.from('\n');

/** The dump of a lane: its settings first, and then the rows of one table after another. */
export class LaneSource {
  readonly #rows: readonly LaneRows[];
  readonly #pieces: PieceSource;

  constructor({ rows, stream }: Lane) {
    this.#rows = rows;
    this.#pieces = new PieceSource(stream, subjectOf(rows));
  }

  /** The settings under which all rows were written. MUST be asked for once, before `blocks`. */
  async settings(): Promise<readonly string[]> {
    const preamble: Buffer[] = [];
    let piece = await this.#pieces.next();
    for (let sizeBytes = 0; piece?.section.kind === 'preamble'; piece = await this.#pieces.next()) {
      sizeBytes += piece.bytes.length;
      if (sizeBytes > HEAD_LIMIT) throw this.#odd();
      preamble.push(Buffer.from(piece.bytes));
    }
    if (!piece) throw this.#odd();
    this.#pieces.putBack(piece);
    return settingsIn(preamble);
  }

  /**
   * The rows, of each table from mariadb-dump's own comment before them on. Throws `dump-failed` when a table has another
   * structure than in `structures`, and when the dump holds anything else.
   */
  async *blocks(structures: ReadonlyMap<string, string>): AsyncGenerator<LaneBlock, void, undefined> {
    for (const rows of this.#rows) {
      await this.#passStructure(rows.table, structures);
      for await (const block of this.#rowsOf(rows.table)) yield { ...block, rows };
    }
    let piece = await this.#pieces.next();
    if (piece?.section.kind !== 'trailer') throw this.#odd();
    while (piece?.section.kind === 'trailer') piece = await this.#pieces.next();
    const { counts } = this.#pieces.tally;
    const wanted = (kind: string) => (kind === 'tables' ? this.#rows.length : 0);
    if (piece || OBJECT_KINDS.some((kind) => counts[kind] !== wanted(kind))) throw this.#odd();
  }

  close(): void {
    this.#pieces.close();
  }

  async #passStructure(table: string, structures: ReadonlyMap<string, string>): Promise<void> {
    const parts: Buffer[] = [];
    for (let sizeBytes = 0; sizeBytes <= HEAD_LIMIT; ) {
      const piece = await this.#pieces.next();
      if (!isOf(piece, table)) break;
      if (piece.data) {
        this.#pieces.putBack(piece);
        const structure = `${Buffer.concat(parts).toString('latin1').trimEnd()}\n`;
        if (afterStructure(structure, structures.get(table) ?? '') !== '') throw changed(table);
        return;
      }
      parts.push(Buffer.from(piece.bytes));
      sizeBytes += piece.bytes.length;
    }
    throw this.#odd();
  }

  /** Ends with one newline, whether another table or the trailer follows: the digest must not depend on that. */
  async *#rowsOf(table: string): AsyncGenerator<Block, void, undefined> {
    const builder = new BlockBuilder();
    let newlines: Piece[] = [];
    let piece = await this.#pieces.next();
    for (; isOf(piece, table) && piece.data && !piece.opens; piece = await this.#pieces.next()) {
      const { bytes } = piece;
      let end = bytes.length;
      while (end > 0 && bytes[end - 1] === NEWLINE[0]) end -= 1;
      if (end > 0) {
        for (const held of newlines) yield* builder.add(held);
        newlines = [];
        yield* builder.add({ ...piece, bytes: bytes.subarray(0, end), rest: piece.rest > end ? 0 : piece.rest });
      }
      for (let at = end; at < bytes.length; at += 1) {
        newlines.push({ ...piece, bytes: NEWLINE, rest: piece.rest > at ? 1 : 0 });
      }
    }
    for (const last of newlines.slice(0, 1)) yield* builder.add(last);
    yield* builder.close();
    if (piece) this.#pieces.putBack(piece);
  }

  #odd(): CoffreError {
    return new CoffreError(
      'dump-failed',
      `cannot archive ${subjectOf(this.#rows)}: it does not hold the structure and rows of what it was asked for alone`,
      { hint: 'let no schema change run during the backup, and run it again' },
    );
  }
}

function isOf(piece: Piece | undefined, table: string): piece is Piece {
  return piece?.section.kind === 'table' && piece.section.name === table;
}

function subjectOf(rows: readonly LaneRows[]): string {
  const [first, ...others] = rows;
  if (first === undefined) return 'a lane';
  if (others.length === 0) return `lane ${first.part} of the table ${first.table}`;
  return `the lane of the table ${first.table} and ${others.length} more`;
}
