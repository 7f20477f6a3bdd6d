import { StatementScanner } from './statement-scanner.ts';

/** Under which rules a statement is read: what the dump has set before it. */
export interface SqlRules {
  /** Whether a backslash escapes inside a string. */
  readonly backslashEscapes: boolean;
  /** Whether double quotes hold an identifier and not a string. */
  readonly ansiQuotes: boolean;
}

/** One thing that a dump is made of. */
export type DumpPart =
  /** Between statements: blanks, lines of comment, and the client's own DELIMITER lines. */
  | {
      readonly kind: 'text';
      readonly bytes: Buffer;
      /** Whether it follows upon the end of an INSERT, and so begins with the end of that line. */
      readonly afterRows: boolean;
    }
  /** A statement with its delimiter, whole. */
  | { readonly kind: 'statement'; readonly bytes: Buffer; readonly rules: SqlRules }
  /** A run of bytes of an INSERT: of its head up to VALUES, or of its rows. */
  | { readonly kind: 'insert'; readonly bytes: Buffer; readonly rows: boolean; readonly ended: boolean };

type Mode = 'between' | 'statement' | 'insert-head' | 'rows';

const INSERT = Buffer.from('INSERT INTO ');
const DELIMITER = Buffer.from('DELIMITER ');
const DASHES = Buffer.from('--');
const [NEWLINE, SPACE, SEMICOLON, BACKTICK, LETTER_V] = [0x0a, 0x20, 0x3b, 0x60, 0x56];
/** Enough of a line to know what it is. */
const DECIDING_BYTES = 48;
const NO_BYTES = Buffer.alloc(0);
const AHEAD = Buffer.from('\n'.repeat(16));
const SETS_MODE = /^\/\*!\d+ SET sql_mode +=/;

/**
 * Splits a dump into statements and what stands between them, by the same rules as the DumpReader, which knows the
 * sections: no statement goes over the end of one. Only an INSERT is given in runs, because it alone can be of any size.
 * What it gives is a view of the chunk that was handed in, or memory of its own.
 */
export class StatementReader {
  readonly #scanner = new StatementScanner();
  readonly #statement: Buffer[] = [];
  #mode: Mode = 'between';
  #rules: SqlRules = { backslashEscapes: true, ansiQuotes: false };
  #carry: Buffer = NO_BYTES;
  #headBytes = 0;
  #quoted = false;
  #rowsEnded = false;

  /** The parts that `chunk` makes. Some undecided bytes are held back until the next call. */
  push(chunk: Buffer): DumpPart[] {
    return this.#read(this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]), false);
  }

  /** What was held back. MUST be called where a section ends or is interrupted, before bytes of another one come. */
  flush(): DumpPart[] {
    return this.#carry.length === 0 ? [] : this.#read(this.#carry, true);
  }

  #read(bytes: Buffer, last: boolean): DumpPart[] {
    const parts: DumpPart[] = [];
    let at = 0;
    while (at < bytes.length) {
      const to = this.#mode === 'between' ? this.#text(bytes, at, last, parts) : this.#within(bytes, at, last, parts);
      if (to === at) break;
      at = to;
    }
    if (last && at < bytes.length) {
      if (this.#mode === 'statement') this.#statement.push(Buffer.from(bytes.subarray(at)));
      else parts.push(this.#textOf(bytes.subarray(at)));
      at = bytes.length;
    }
    this.#carry = at === bytes.length ? NO_BYTES : Buffer.from(bytes.subarray(at));
    return parts;
  }

  /** All up to the next statement, or to what cannot be decided yet. */
  #text(bytes: Buffer, from: number, last: boolean, parts: DumpPart[]): number {
    let at = from;
    while (at < bytes.length) {
      if (bytes[at] === NEWLINE || bytes[at] === SPACE) {
        at += 1;
        continue;
      }
      const lineEnd = bytes.indexOf(NEWLINE, at);
      if (lineEnd < 0 && !last && bytes.length - at < DECIDING_BYTES) break;
      const isDelimiter = startsWith(bytes, at, DELIMITER);
      if (!isDelimiter && !startsWith(bytes, at, DASHES)) {
        this.#mode = this.#scanner.isDefaultDelimiter && startsWith(bytes, at, INSERT) ? 'insert-head' : 'statement';
        break;
      }
      if (lineEnd < 0 && !last) break;
      const to = lineEnd < 0 ? bytes.length : lineEnd + 1;
      if (isDelimiter) this.#scanner.delimiter = bytes.toString('latin1', at + DELIMITER.length, to).trim();
      at = to;
    }
    if (at > from) parts.push(this.#textOf(bytes.subarray(from, at)));
    // A statement begins where the text ends, and there may be no text: then all the same this is a step.
    return this.#mode === 'between' || at > from ? at : this.#within(bytes, at, last, parts);
  }

  #textOf(bytes: Buffer): DumpPart {
    const afterRows = this.#rowsEnded;
    this.#rowsEnded = false;
    return { kind: 'text', bytes, afterRows };
  }

  #within(bytes: Buffer, at: number, last: boolean, parts: DumpPart[]): number {
    switch (this.#mode) {
      case 'insert-head':
        return this.#insertHead(bytes, at, parts);
      case 'rows':
        return this.#rows(bytes, at, parts);
      default:
        return this.#scan(bytes, at, last, parts);
    }
  }

  #scan(bytes: Buffer, at: number, last: boolean, parts: DumpPart[]): number {
    // The scanner looks ahead, and where a section ends another line would come.
    const scanned = this.#scanner.scan(last ? Buffer.concat([bytes, AHEAD]) : bytes, at);
    const [to, ended] = [Math.min(scanned.to, bytes.length), scanned.ended];
    if (!ended) {
      if (to > at) this.#statement.push(Buffer.from(bytes.subarray(at, to)));
      return to;
    }
    const rest = bytes.subarray(at, to);
    const statement = this.#statement.length === 0 ? rest : Buffer.concat([...this.#statement.splice(0), rest]);
    parts.push({ kind: 'statement', bytes: statement, rules: this.#rules });
    this.#mode = 'between';
    this.#rowsEnded = false;
    const head = statement.toString('latin1', 0, 1024);
    if (SETS_MODE.test(head)) {
      this.#rules = {
        backslashEscapes: !head.includes('NO_BACKSLASH_ESCAPES'),
        ansiQuotes: head.includes('ANSI_QUOTES'),
      };
      this.#scanner.backslashEscapes = this.#rules.backslashEscapes;
    }
    return to;
  }

  /** ``INSERT INTO `table` (`column`, row_start) VALUES``: upper case outside of backticks is the keyword. */
  #insertHead(bytes: Buffer, from: number, parts: DumpPart[]): number {
    this.#rowsEnded = false;
    for (let at = from; at < bytes.length; at += 1) {
      this.#headBytes += 1;
      const byte = bytes[at];
      if (byte === BACKTICK) this.#quoted = !this.#quoted;
      else if (byte === LETTER_V && !this.#quoted && this.#headBytes > INSERT.length) {
        parts.push({ kind: 'insert', bytes: bytes.subarray(from, at), rows: false, ended: false });
        this.#headBytes = 0;
        this.#mode = 'rows';
        return at;
      }
    }
    parts.push({ kind: 'insert', bytes: bytes.subarray(from), rows: false, ended: false });
    return bytes.length;
  }

  /** Up to the first `;` at the end of a line; one without the byte after it stays undecided. */
  #rows(bytes: Buffer, at: number, parts: DumpPart[]): number {
    const end = bytes.indexOf(';\n', at, 'latin1');
    const ended = end >= 0;
    const to = ended ? end + 1 : bytes.length - (bytes.at(-1) === SEMICOLON ? 1 : 0);
    if (to > at) parts.push({ kind: 'insert', bytes: bytes.subarray(at, to), rows: true, ended });
    if (ended) {
      this.#mode = 'between';
      this.#rowsEnded = true;
    }
    return to;
  }
}

function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  return bytes.length - at >= prefix.length && bytes.compare(prefix, 0, prefix.length, at, at + prefix.length) === 0;
}
