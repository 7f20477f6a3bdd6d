import { CoffreError } from '../model/error.ts';
import type { Lane } from '../model/lanes.ts';
import { OBJECT_KINDS } from '../model/object-counts.ts';
import { type Block, BlockBuilder } from './block-builder.ts';
import { type DumpHead, HEAD_LIMIT, settingsIn } from './dump-head.ts';
import type { Piece } from './piece.ts';
import { PieceSource } from './piece-source.ts';

/** The dump of a lane: its head first, and then its rows. */
export class LaneSource {
  readonly table: string;
  /** From 1 on. */
  readonly lane: number;
  readonly #subject: string;
  readonly #pieces: PieceSource;

  constructor({ stream }: Lane, table: string, lane: number) {
    this.table = table;
    this.lane = lane;
    this.#subject = `lane ${lane} of the table ${table}`;
    this.#pieces = new PieceSource(stream, this.#subject);
  }

  /** All that comes before the rows. MUST be asked for once, before `rows`. */
  async head(): Promise<DumpHead> {
    const parts: Record<'preamble' | 'table', Buffer[]> = { preamble: [], table: [] };
    for (let sizeBytes = 0; sizeBytes < HEAD_LIMIT; ) {
      const piece = await this.#pieces.next();
      const { kind, name } = piece?.section ?? {};
      if (!piece || (kind !== 'preamble' && (kind !== 'table' || name !== this.table))) break;
      if (piece.data) {
        this.#pieces.putBack(piece);
        const structure = Buffer.concat(parts.table).toString('latin1').trimEnd();
        return { settings: settingsIn(parts.preamble), structure: `${structure}\n` };
      }
      parts[kind].push(Buffer.from(piece.bytes));
      sizeBytes += piece.bytes.length;
    }
    throw this.#odd();
  }

  /** The rows, from mariadb-dump's own comment before them on. Throws `dump-failed` when the dump holds anything else. */
  async *rows(): AsyncGenerator<Block, void, undefined> {
    const builder = new BlockBuilder();
    let piece: Piece | undefined = await this.#pieces.next();
    for (; piece?.section.kind === 'table' && piece.data && !piece.opens; piece = await this.#pieces.next()) {
      yield* builder.add(piece);
    }
    if (piece?.section.kind !== 'trailer') throw this.#odd();
    yield* builder.close();
    while (piece?.section.kind === 'trailer') piece = await this.#pieces.next();
    const { counts } = this.#pieces.tally;
    if (piece || OBJECT_KINDS.some((kind) => counts[kind] !== (kind === 'tables' ? 1 : 0))) throw this.#odd();
  }

  close(): void {
    this.#pieces.close();
  }

  #odd(): CoffreError {
    return new CoffreError(
      'dump-failed',
      `cannot archive ${this.#subject}: it does not hold the structure of the table and rows of it alone`,
      { hint: 'let no schema change run during the backup, and run it again' },
    );
  }
}
