import { createHash } from 'node:crypto';
import { formsOf, SHORTEST } from './secret-forms.ts';

/** A place in a text, in characters; `end` is behind it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface Form {
  readonly length: number;
  readonly digest: string;
}

/** One bit for each value of the low bits of a hash: most places of a text are settled by that. */
const BITS = 16;

/**
 * Secrets to be found in texts, of which it keeps none: of each form it has its length, a hash of its first characters, and a
 * digest of all of it, under a salt of its own. What lies in memory, in a core dump or in a heap snapshot for the sake of this
 * index gives no secret away.
 *
 * One pass over a text, whatever the number of secrets (Rabin and Karp): some nanoseconds for each character.
 */
export class SecretIndex {
  readonly #salt: Buffer;
  readonly #factor: number;
  /** What the first character of a window counts for in its hash. */
  readonly #leading: number;
  readonly #mayBe = new Uint8Array(2 ** (BITS - 3));
  readonly #forms = new Map<number, Form[]>();

  /** `salt`: 32 random bytes. */
  constructor(salt: Buffer) {
    this.#salt = salt;
    this.#factor = (salt.readUInt32LE(0) | 1) >>> 0;
    let leading = 1;
    for (let n = 1; n < SHORTEST; n += 1) leading = Math.imul(leading, this.#factor);
    this.#leading = leading;
  }

  /** Whether nothing is looked for. */
  get isEmpty(): boolean {
    return this.#forms.size === 0;
  }

  /** Looks for all forms of `secret` from now on. One that is too short has none. */
  add(secret: string | Uint8Array): void {
    for (const form of formsOf(secret)) this.#addForm(form);
  }

  #addForm(text: string): void {
    let hash = 0;
    for (let at = 0; at < SHORTEST; at += 1) hash = (Math.imul(hash, this.#factor) + text.charCodeAt(at)) | 0;
    const form = { length: text.length, digest: this.#digest(text) };
    const known = this.#forms.get(hash) ?? [];
    if (known.some(({ digest }) => digest === form.digest)) return;
    this.#forms.set(
      hash,
      [...known, form].sort((a, b) => b.length - a.length),
    );
    const bit = hash & (2 ** BITS - 1);
    this.#mayBe[bit >> 3] = (this.#mayBe[bit >> 3] ?? 0) | (1 << (bit & 7));
  }

  /** Where secrets stand in `text`, from its beginning on, none touching another. */
  find(text: string): readonly Span[] {
    if (this.isEmpty || text.length < SHORTEST) return [];
    const spans: Span[] = [];
    let hash = 0;
    for (let at = 0; at < text.length; at += 1) {
      if (at >= SHORTEST) hash = (hash - Math.imul(text.charCodeAt(at - SHORTEST), this.#leading)) | 0;
      hash = (Math.imul(hash, this.#factor) + text.charCodeAt(at)) | 0;
      const start = at - SHORTEST + 1;
      const bit = hash & (2 ** BITS - 1);
      if (start < 0 || ((this.#mayBe[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) continue;
      const length = this.#lengthAt(text, start, hash);
      if (length > 0) addSpan(spans, { start, end: start + length });
    }
    return spans;
  }

  /** The length of the longest form that begins at `start`; 0 for none. */
  #lengthAt(text: string, start: number, hash: number): number {
    const found = this.#forms.get(hash)?.find(({ length, digest }) => {
      return start + length <= text.length && this.#digest(text.slice(start, start + length)) === digest;
    });
    return found?.length ?? 0;
  }

  #digest(text: string): string {
    return createHash('sha256').update(this.#salt).update(text, 'utf16le').digest('base64');
  }
}

/** Spans come by where they begin. */
function addSpan(spans: Span[], span: Span): void {
  const last = spans.at(-1);
  if (!last || last.end < span.start) spans.push(span);
  else if (span.end > last.end) spans[spans.length - 1] = { start: last.start, end: span.end };
}
