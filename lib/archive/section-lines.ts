import type { Piece } from './piece.ts';
import type { Section } from './sections.ts';

const NEWLINE = 0x0a;
/** The client stops a few buffers behind what it was fed: what lies further back is not asked for. */
const REMEMBERED = 100_000;

/** Remembers the line on which each section of a dump begins: the client names the line of a statement that has failed. */
export class SectionLines {
  #begins: { readonly line: number; readonly section: Section }[] = [];
  #line = 1;

  /** Takes a piece in. MUST be called for every piece, in order. */
  add({ section, opens, bytes }: Pick<Piece, 'section' | 'opens' | 'bytes'>): void {
    if (opens || this.#begins.at(-1)?.section !== section) {
      if (this.#begins.length >= REMEMBERED) this.#begins = this.#begins.slice(REMEMBERED / 2);
      this.#begins.push({ line: this.#line, section });
    }
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) this.#line += 1;
  }

  sectionAt(line: number): Section | undefined {
    return this.#begins.findLast((begin) => begin.line <= line)?.section;
  }
}
