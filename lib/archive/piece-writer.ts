import type { Piece } from './piece.ts';
import type { Section } from './sections.ts';

/** How far a section has been written. */
interface Written {
  endsLine: boolean;
  /** Line ends that are written only if something else comes after them in this section. */
  held: number;
}

interface Run {
  bytes: Buffer;
  rest: number;
}

const NEWLINE = 0x0a;

/**
 * Makes pieces of what is left of others. What was not changed stays a view of the chunk that it came in, in as few runs
 * as there were. Sections end with one line end each: how many there are depends on what stands behind in a dump.
 */
export class PieceWriter {
  readonly #written = new WeakMap<Section, Written>();
  readonly #runs: Run[] = [];
  #section: Section | undefined;
  #at: Written = { endsLine: false, held: 0 };

  /** What is added from now on is of this section. MUST NOT be called before all was taken. */
  enter(section: Section): void {
    this.#section = section;
    this.#at = this.#written.get(section) ?? { endsLine: false, held: 0 };
  }

  /** A statement, or a part of one. */
  addStatement(bytes: Buffer): void {
    this.#release();
    this.#append(bytes);
    this.#at.endsLine = false;
  }

  /** Something between statements. With `rests` its first line end is a place where rows of another table may stand. */
  addText(bytes: Buffer, rests = false): void {
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === NEWLINE) end -= 1;
    const first = bytes.indexOf(NEWLINE) + 1;
    if (end > 0) this.#release();
    const to = end > 0 || !this.#at.endsLine ? Math.min(end + 1, bytes.length) : 0;
    if (rests && first > 0 && to >= first) {
      this.#append(bytes.subarray(0, first));
      this.#markRest();
      this.#append(bytes.subarray(first, to));
    } else this.#append(bytes.subarray(0, to));
    if (to > 0) this.#at.endsLine = bytes[to - 1] === NEWLINE;
    this.#at.held += bytes.length - to;
  }

  /** All that was added since. */
  take(data: boolean): Piece[] {
    const section = this.#section;
    if (!section) return [];
    const opens = this.#runs.length > 0 && !this.#written.has(section);
    if (opens) this.#written.set(section, this.#at);
    return this.#runs.splice(0).map((run, index) => ({ section, opens: opens && index === 0, data, ...run }));
  }

  #release(): void {
    if (this.#at.held > 0) this.#append(Buffer.alloc(this.#at.held, NEWLINE));
    this.#at.held = 0;
  }

  #append(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const last = this.#runs.at(-1);
    const follows =
      last && last.bytes.buffer === bytes.buffer && last.bytes.byteOffset + last.bytes.length === bytes.byteOffset;
    if (!follows) this.#runs.push({ bytes, rest: 0 });
    else last.bytes = Buffer.from(bytes.buffer, last.bytes.byteOffset, last.bytes.length + bytes.length) as Buffer;
  }

  #markRest(): void {
    const last = this.#runs.at(-1);
    if (last) last.rest = last.bytes.length;
  }
}
