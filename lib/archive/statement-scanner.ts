const [TAB, NEWLINE, SPACE, DOUBLE, HASH, SINGLE, STAR, MINUS, SLASH, BACKSLASH, BACKTICK, BANG, LETTER_M] = [
  0x09, 0x0a, 0x20, 0x22, 0x23, 0x27, 0x2a, 0x2d, 0x2f, 0x5c, 0x60, 0x21, 0x4d,
] as const;

type State = 'code' | 'line-comment' | 'block-comment' | typeof SINGLE | typeof DOUBLE | typeof BACKTICK;

/**
 * Finds the end of a statement as the mariadb client finds it: the delimiter outside of strings, identifiers and
 * comments. Conditional comments are code. The state survives from one chunk to the next.
 * Source: `add_line()` in client/mysql.cc of MariaDB.
 */
export class StatementScanner {
  #state: State = 'code';
  #delimiter = Buffer.from(';');
  /** Whether a backslash escapes: not in routines that were made under NO_BACKSLASH_ESCAPES. */
  backslashEscapes = true;

  set delimiter(text: string) {
    this.#delimiter = Buffer.from(text, 'latin1');
  }

  get isDefaultDelimiter(): boolean {
    return this.#delimiter.length === 1 && this.#delimiter[0] === 0x3b;
  }

  /**
   * Scans on from `from` to the end of the statement, which `to` is then the offset after, or as far as `bytes` reach:
   * what lies behind `to` has to be handed in again, with more behind it.
   */
  scan(bytes: Buffer, from: number): { readonly to: number; readonly ended: boolean } {
    const ahead = Math.max(3, this.#delimiter.length);
    let at = from;
    while (at < bytes.length) {
      if (this.#state === 'code') {
        if (at + ahead > bytes.length && !this.#isPlain(bytes, at)) return { to: at, ended: false };
        if (this.#startsDelimiter(bytes, at)) return { to: at + this.#delimiter.length, ended: true };
        at = this.#code(bytes, at);
      } else {
        const after = this.#inside(bytes, at, this.#state);
        if (after === at) return { to: at, ended: false };
        at = after;
      }
    }
    return { to: at, ended: false };
  }

  /** Whether the byte means itself whatever follows. */
  #isPlain(bytes: Buffer, at: number): boolean {
    const byte = bytes[at];
    return byte !== MINUS && byte !== SLASH && byte !== this.#delimiter[0];
  }

  #startsDelimiter(bytes: Buffer, at: number): boolean {
    if (bytes[at] !== this.#delimiter[0] || at + this.#delimiter.length > bytes.length) return false;
    return this.#delimiter.every((byte, index) => bytes[at + index] === byte);
  }

  #code(bytes: Buffer, at: number): number {
    const byte = bytes[at];
    if (byte === SINGLE || byte === DOUBLE || byte === BACKTICK) this.#state = byte;
    else if (byte === HASH) this.#state = 'line-comment';
    else if (byte === MINUS && bytes[at + 1] === MINUS && isBlank(bytes[at + 2])) this.#state = 'line-comment';
    else if (byte === SLASH && bytes[at + 1] === STAR) {
      if (bytes[at + 2] !== BANG && bytes[at + 2] !== LETTER_M) this.#state = 'block-comment';
      return at + 2;
    }
    return at + 1;
  }

  /** Goes on inside a string, identifier or comment; returns `at` itself when it needs more bytes to decide. */
  #inside(bytes: Buffer, at: number, state: Exclude<State, 'code'>): number {
    if (state === 'line-comment' || state === 'block-comment') {
      const closing = state === 'line-comment' ? '\n' : '*/';
      const end = bytes.indexOf(closing, at, 'latin1');
      if (end >= 0) {
        this.#state = 'code';
        return end + closing.length;
      }
      const keep = state === 'block-comment' && bytes[bytes.length - 1] === STAR ? 1 : 0;
      return bytes.length - keep;
    }
    return this.#quoted(bytes, at, state);
  }

  /** A doubled quote closes and opens again, which comes to the same. */
  #quoted(bytes: Buffer, from: number, quote: number): number {
    const escapes = this.backslashEscapes && quote !== BACKTICK;
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === quote) {
        this.#state = 'code';
        return at + 1;
      }
      if (escapes && byte === BACKSLASH) {
        if (at + 1 === bytes.length) return at;
        at += 1;
      }
    }
    return bytes.length;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === NEWLINE || byte === TAB;
}
