import type { SqlRules } from './statement-reader.ts';

/** A word of SQL, and where it stands. White space and comments are none; a conditional comment is code. */
export interface SqlToken {
  /** A name or keyword without quotes, a name in quotes, a string, or one other character. */
  readonly kind: 'word' | 'name' | 'string' | 'sign';
  /** What is meant: without quotes, doubled quotes as one. Of a string, the backslashes are still there. */
  readonly value: string;
  readonly from: number;
  readonly to: number;
}

/** Blanks, and the three kinds of comment; of a conditional one its opening alone. */
const SKIPPED = /(?:\s|--(?=[\s])[^\n]*|#[^\n]*|\/\*M?!\d*|\/\*[\s\S]*?(?:\*\/|$))+/y;
/** Every byte above 0x7f is part of a name, as `text` is latin1. */
const WORD = /[@A-Za-z0-9_$\x80-\xff]+/y;

/**
 * The words of a statement, in latin1, so that every byte is a character, whatever its character set.
 * Source: the lexer of the server, sql/sql_lex.cc of MariaDB, as far as names and strings go.
 */
export function* sqlTokens(text: string, rules: SqlRules): Generator<SqlToken, void, undefined> {
  for (let at = 0; at < text.length; ) {
    const next = matchAt(SKIPPED, text, at);
    if (next > at) {
      at = next;
      continue;
    }
    const sign = text.charAt(at);
    if (sign === '`' || sign === '"' || sign === "'") {
      const isName = sign === '`' || (sign === '"' && rules.ansiQuotes);
      const to = quotedEnd(text, at, sign, !isName && rules.backslashEscapes);
      const value = text.slice(at + 1, to - 1).replaceAll(sign + sign, sign);
      yield { kind: isName ? 'name' : 'string', value, from: at, to };
      at = to;
      continue;
    }
    const to = matchAt(WORD, text, at);
    yield {
      kind: to > at ? 'word' : 'sign',
      value: text.slice(at, Math.max(to, at + 1)),
      from: at,
      to: Math.max(to, at + 1),
    };
    at = Math.max(to, at + 1);
  }
}

/** `name` as it stands between backticks in a dump that is read as latin1. */
export function asLatin1(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1');
}

/** The mirror of `asLatin1`. */
export function fromLatin1(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** The offset behind the closing quote, or the end of the text. */
function quotedEnd(text: string, from: number, quote: string, escapes: boolean): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (escapes && text.charAt(at) === '\\') at += 1;
    else if (text.charAt(at) === quote) {
      if (text.charAt(at + 1) !== quote) return at + 1;
      at += 1;
    }
  }
  return text.length;
}
