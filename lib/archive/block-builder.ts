import type { Piece } from './piece.ts';
import type { Section } from './sections.ts';

/** A run of bytes of one dump, which no other one may interrupt. Its memory is used again when the next one is asked for. */
export interface Block {
  /** The section of its first byte, and that of its last one. */
  readonly section: Section;
  readonly last: Section;
  /** Whether it begins with the comment that opens its section. */
  readonly opens: boolean;
  readonly bytes: Buffer;
  /** Whether another dump may have its turn after it; otherwise it ends inside a statement. */
  readonly whole: boolean;
}

/** Large enough to be worth the turn. */
const WORTH_BYTES = 256 * 1024;
/** mariadb-dump's INSERTs end at a mebibyte, unless one row alone is larger: only then is a block not whole. */
const BLOCK_BYTES = WORTH_BYTES + 1024 * 1024;

/** Collects the pieces of one dump into blocks. What it holds of a dump of any size is one block. */
export class BlockBuilder {
  #content: Buffer | undefined;
  #sizeBytes = 0;
  #whole = true;
  #opens = false;
  #section: Section | undefined;
  #last: Section | undefined;

  *add(piece: Piece): Generator<Block> {
    if (piece.opens) {
      this.#whole = true;
      if (this.#sizeBytes >= WORTH_BYTES) yield* this.#give();
    }
    yield* this.#fill(piece, piece.bytes.subarray(0, piece.rest), piece.opens);
    if (piece.rest > 0) {
      this.#whole = true;
      if (this.#sizeBytes >= WORTH_BYTES) yield* this.#give();
    }
    yield* this.#fill(piece, piece.bytes.subarray(piece.rest), piece.opens && piece.rest === 0);
  }

  /** Gives what there is, at the end of a section. */
  *close(): Generator<Block> {
    this.#whole = true;
    if (this.#sizeBytes > 0) yield* this.#give();
  }

  *#fill({ section }: Piece, bytes: Buffer, opens: boolean): Generator<Block> {
    for (let at = 0; at < bytes.length; ) {
      this.#content ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
      if (this.#sizeBytes === 0) {
        this.#section = section;
        this.#opens = opens && at === 0;
      }
      const copied = bytes.copy(this.#content, this.#sizeBytes, at);
      this.#sizeBytes += copied;
      this.#last = section;
      this.#whole = false;
      at += copied;
      if (this.#sizeBytes === BLOCK_BYTES) yield* this.#give();
    }
  }

  *#give(): Generator<Block> {
    const [section, last] = [this.#section, this.#last];
    if (!this.#content || !section || !last) return;
    const bytes = this.#content.subarray(0, this.#sizeBytes);
    yield { section, last, opens: this.#opens, bytes, whole: this.#whole };
    this.#sizeBytes = 0;
  }
}
