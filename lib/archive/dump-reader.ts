import { type Switch, switchAt } from './lane-markers.ts';
import type { Piece } from './piece.ts';
import { openedSection, type Section, TRAILER_START } from './sections.ts';
import { StatementScanner } from './statement-scanner.ts';
import { HEAD_BYTES, Tally } from './tally.ts';

/** Where the reader stands. `rows` is the inside of an INSERT, after VALUES: nearly all the bytes of a dump. */
type Mode = 'between' | 'statement' | 'insert-head' | 'rows';

/** How far the reader came, and what it came to, if anything. */
interface Step {
  readonly to: number;
  readonly ended?: boolean;
  readonly section?: Section;
  readonly switch?: Switch;
  readonly rests?: boolean;
}

const INSERT = Buffer.from('INSERT INTO ');
const DELIMITER = Buffer.from('DELIMITER ');
const DASHES = Buffer.from('--');
const LONE_DASHES = Buffer.from('--\n');
/** With the binary log on, a comment with the GTID stands before the trailer's first statement: it is about the dump. */
const DEFERRED = Buffer.from('\n-- The deferred gtid setting');
const TRAILER: Section = { kind: 'trailer', name: null };
const SWITCH: Section = { kind: 'switch', name: null };
const COMPLETED = Buffer.from('-- Dump completed');
const [NEWLINE, SPACE, SEMICOLON, BACKTICK, LETTER_V] = [0x0a, 0x20, 0x3b, 0x60, 0x56];
/** Enough of a line to know what it is. */
const DECIDING_BYTES = 48;
const NO_BYTES = Buffer.alloc(0);

/**
 * Splits the output of mariadb-dump into sections while it streams by, without copying it, and counts what it makes.
 * A dump with lanes, too: there sections interrupt each other, and all pieces of one have the same `section` object.
 *
 * Markers are believed only between statements, so that no body, string, comment or identifier can pass for one.
 * Statements are scanned as the client does; rows are not: mariadb-dump escapes every newline inside a value, so an
 * INSERT ends with the first `;` at the end of a line, and that is found at the speed of memory.
 */
export class DumpReader {
  readonly tally = new Tally();
  readonly #scanner = new StatementScanner();
  #mode: Mode = 'between';
  #section: Section = { kind: 'preamble', name: null };
  /** The section of the database's own dump that is open, while `#section` may be a lane. */
  #main = this.#section;
  readonly #lanes = new Map<string, Section>();
  /** Sections of which no byte has been given. */
  readonly #fresh = new Set([this.#section, SWITCH]);
  readonly #splitsTables: boolean;
  #data = false;
  #rowsEnded = false;
  #carry: Buffer = NO_BYTES;
  #head = '';
  #statementBytes = 0;
  #quoted = false;
  #complete = false;
  readonly #databases: boolean;

  /**
   * `databases`: for the dump of several ones, in which each opens a section of its own. `splitsTables`: a piece ends where
   * the rows of a table begin. That costs where there are many small tables.
   */
  constructor({ databases = false, splitsTables = false } = {}) {
    this.#databases = databases;
    this.#splitsTables = splitsTables;
  }

  /** Whether the line has been seen that mariadb-dump writes last. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The pieces that `chunk` makes. A few undecided bytes are held back until the next call. */
  push(chunk: Buffer): Piece[] {
    return this.#read(this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]), false);
  }

  /** The bytes that were held back. */
  end(): Piece[] {
    return this.#read(this.#carry, true);
  }

  #read(bytes: Buffer, last: boolean): Piece[] {
    const pieces: Piece[] = [];
    let given = 0;
    let rest = 0;
    const give = (to: number) => {
      if (to === given) return;
      const section = this.#section;
      const opens = this.#fresh.delete(section);
      const [data, part] = [this.#data, bytes.subarray(given, to)];
      pieces.push({ section, opens, data, bytes: part, rest: Math.max(0, rest - given) });
      given = to;
    };
    for (let at = 0; at < bytes.length; ) {
      const step = this.#mode === 'between' ? this.#between(bytes, at, last) : this.#within(bytes, at);
      if (step.section) {
        give(at);
        this.#open(step.section);
      } else if (step.switch) {
        if (step.switch.kind === 'data') {
          if (this.#splitsTables) give(at);
          this.#data = true;
        } else {
          give(at);
          this.#section = SWITCH;
          give(step.to);
          this.#section = this.#sectionAfter(step.switch);
        }
      } else if (step.to === at) {
        if (!last) give(at);
        break;
      }
      at = step.to;
      if (step.rests) rest = at;
      if (at === bytes.length) give(at);
    }
    if (last) give(bytes.length);
    this.#carry = given === bytes.length ? NO_BYTES : Buffer.from(bytes.subarray(given));
    return pieces;
  }

  #open(section: Section): void {
    this.#section = section;
    this.#main = section;
    this.#data = false;
    this.#fresh.add(section);
  }

  #sectionAfter(step: Switch): Section {
    if (step.kind !== 'lane') return this.#main;
    const key = `${step.lane} ${step.table}`;
    const known = this.#lanes.get(key);
    if (known) return known;
    const section: Section = { kind: 'rows', name: step.table, lane: step.lane };
    this.#lanes.set(key, section);
    this.#fresh.add(section);
    return section;
  }

  /** Between statements: blanks, comments, markers, DELIMITER, or the start of the next statement. */
  #between(bytes: Buffer, at: number, last: boolean): Step {
    const inTrailer = this.#section.kind === 'trailer';
    if (bytes[at] === NEWLINE && !inTrailer) {
      if (startsWith(bytes, at, DEFERRED)) return { to: at, section: TRAILER };
      if (!last && bytes.length - at < DEFERRED.length) return { to: at };
    }
    const rests = this.#rowsEnded && bytes[at] === NEWLINE;
    this.#rowsEnded = false;
    if (bytes[at] === NEWLINE || bytes[at] === SPACE) return { to: at + 1, rests };
    const lineEnd = bytes.indexOf(NEWLINE, at);
    if (lineEnd < 0 && !last && bytes.length - at < DECIDING_BYTES) return { to: at };
    if (startsWith(bytes, at, LONE_DASHES)) return this.#comment(bytes, at, last);
    if (startsWith(bytes, at, DASHES) || startsWith(bytes, at, DELIMITER)) {
      if (lineEnd < 0 && !last) return { to: at };
      const to = lineEnd < 0 ? bytes.length : lineEnd + 1;
      this.#line(bytes, at, to);
      return { to };
    }
    this.#mode = this.#scanner.isDefaultDelimiter && startsWith(bytes, at, INSERT) ? 'insert-head' : 'statement';
    if (!inTrailer && startsWith(bytes, at, TRAILER_START)) return { to: at, section: TRAILER };
    return this.#within(bytes, at);
  }

  /** A comment of several lines, the first of which is at `at`: it may be about what follows. */
  #comment(bytes: Buffer, at: number, last: boolean): Step {
    const from = at + LONE_DASHES.length;
    const section = openedSection(bytes, from, this.#databases);
    if (section) return { to: from, section };
    const found = switchAt(bytes, from);
    if ((section === undefined || found === undefined) && !last) return { to: at };
    return found && this.#isBelievable(found) ? { to: found.to, switch: found } : { to: from };
  }

  #isBelievable({ kind, table }: Switch): boolean {
    if (kind === 'lane') return true;
    const isOwn = this.#main.kind === 'table' && this.#main.name === table;
    return isOwn && (kind === 'back' || (this.#section === this.#main && !this.#data));
  }

  #line(bytes: Buffer, at: number, to: number): void {
    if (startsWith(bytes, at, DELIMITER)) {
      this.#scanner.delimiter = bytes.toString('latin1', at + DELIMITER.length, to).trim();
    } else if (this.#section.kind === 'trailer' && startsWith(bytes, at, COMPLETED)) this.#complete = true;
  }

  #within(bytes: Buffer, at: number): Step {
    const step = this.#scan(bytes, at);
    this.#statementBytes += step.to - at;
    if (step.ended) {
      this.#rowsEnded = this.#mode === 'rows';
      this.tally.add(this.#section.kind, this.#head, this.#statementBytes);
      if (/^\/\*!\d+ SET sql_mode +=/.test(this.#head)) {
        this.#scanner.backslashEscapes = !this.#head.includes('NO_BACKSLASH_ESCAPES');
      }
      this.#head = '';
      this.#statementBytes = 0;
      this.#mode = 'between';
    }
    return step;
  }

  #scan(bytes: Buffer, at: number): Step {
    switch (this.#mode) {
      case 'rows':
        return rowsEnd(bytes, at);
      case 'insert-head':
        return this.#insertHead(bytes, at);
      default: {
        const step = this.#scanner.scan(bytes, at);
        if (this.#head.length < HEAD_BYTES) {
          this.#head += bytes.toString('latin1', at, Math.min(step.to, at + HEAD_BYTES - this.#head.length));
        }
        return step;
      }
    }
  }

  /** ``INSERT INTO `table` (`column`, row_start) VALUES``: upper case outside of backticks is the keyword. */
  #insertHead(bytes: Buffer, from: number): Step {
    for (let at = from + (this.#statementBytes === 0 ? INSERT.length : 0); at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === BACKTICK) this.#quoted = !this.#quoted;
      else if (byte === LETTER_V && !this.#quoted) {
        this.#mode = 'rows';
        return { to: at + 1 };
      }
    }
    return { to: bytes.length };
  }
}

/** A last `;` without the byte after it stays undecided. */
function rowsEnd(bytes: Buffer, at: number): Step {
  const end = bytes.indexOf(';\n', at, 'latin1');
  if (end >= 0) return { to: end + 1, ended: true };
  return { to: bytes.at(-1) === SEMICOLON ? bytes.length - 1 : bytes.length };
}

function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  return bytes.length - at >= prefix.length && bytes.compare(prefix, 0, prefix.length, at, at + prefix.length) === 0;
}
