import { CoffreError } from '../model/error.ts';
import type { Bytes } from '../model/stages.ts';
import { DumpReader } from './dump-reader.ts';
import type { Piece } from './piece.ts';

/** The pieces of a dump, one at a time. A piece is its reader's only until the next one is asked for. */
export class PieceSource {
  readonly #reader = new DumpReader({ splitsTables: true });
  readonly #pieces: AsyncGenerator<Piece, void, undefined>;
  #unread: Piece | undefined;

  /** `subject` names the dump, for sentences. */
  constructor(stream: Bytes, subject: string) {
    this.#pieces = piecesOf(stream, this.#reader, subject);
  }

  get tally() {
    return this.#reader.tally;
  }

  /** Undefined at the end. Throws what the dump throws, and `dump-failed` when it lacks its end. */
  async next(): Promise<Piece | undefined> {
    if (this.#unread) {
      const piece = this.#unread;
      this.#unread = undefined;
      return piece;
    }
    const { done, value } = await this.#pieces.next();
    return done ? undefined : value;
  }

  /** Makes `piece`, which MUST be the last one that was given, the next one once more. */
  putBack(piece: Piece): void {
    this.#unread = piece;
  }

  /** Leaves the dump, once what has been asked of it has come. */
  close(): void {
    this.#pieces.return().catch(() => undefined);
  }
}

async function* piecesOf(stream: Bytes, reader: DumpReader, subject: string) {
  for await (const chunk of stream) yield* reader.push(chunk);
  yield* reader.end();
  if (reader.complete) return;
  throw new CoffreError('dump-failed', `cannot archive ${subject}: it lacks its last line`, {
    hint: 'run the backup again',
  });
}
