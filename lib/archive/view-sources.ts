import { madeBy } from './made-by.ts';
import type { Piece } from './piece.ts';
import type { Section } from './sections.ts';
import { fromLatin1, type SqlToken } from './sql-tokens.ts';
import { type DumpPart, StatementReader } from './statement-reader.ts';

/** What stands before a table in the server's own writing of a view, with or without brackets between them. */
const OF_TABLES: readonly string[] = ['FROM', 'JOIN', 'STRAIGHT_JOIN'];

/**
 * What the views of one dump read of whichever database they are loaded into, found while its pieces go by. A name with a database
 * before it stays that database's; the server leaves it out where a view reads its own database alone. A name that is nothing of
 * the dump is one of a WITH, or is gone anyway.
 */
export class ViewSources {
  readonly #reader = new StatementReader();
  readonly #there = new Set<string>();
  readonly #reads = new Map<string, ReadonlySet<string>>();
  #last: Section | undefined;

  /** The pieces as they are, for whoever reads them for something else. */
  async *watch(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece, void, undefined> {
    for await (const piece of pieces) {
      if (piece.opens || piece.section !== this.#last) this.#take(this.#reader.flush());
      this.#last = piece.section;
      const { kind, name } = piece.section;
      if (name !== null && ['table', 'sequence', 'view'].includes(kind)) this.#there.add(name);
      if (kind === 'view') this.#take(this.#reader.push(piece.bytes));
      yield piece;
    }
    this.#take(this.#reader.flush());
  }

  /** By view of `taken`, what it reads, itself or by other views, that is neither among those nor in `present`. */
  lacking(taken: readonly string[], present: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
    const has = (name: string) => taken.includes(name) || present.has(name);
    const lacking = new Map<string, readonly string[]>();
    for (const view of taken) {
      const found = new Set<string>();
      const follow = (name: string) => {
        for (const read of this.#reads.get(name) ?? []) {
          if (has(read) || found.has(read) || !this.#there.has(read)) continue;
          found.add(read);
          follow(read);
        }
      };
      follow(view);
      if (found.size > 0) lacking.set(view, [...found].sort());
    }
    return lacking;
  }

  #take(parts: readonly DumpPart[]): void {
    for (const part of parts) {
      if (part.kind !== 'statement') continue;
      const made = madeBy(part.bytes.toString('latin1'), part.rules);
      if (made?.kind !== 'view') continue;
      this.#reads.set(made.name, new Set(tablesRead(made.tokens.slice(made.body)).map(fromLatin1)));
    }
  }
}

function tablesRead(tokens: readonly SqlToken[]): readonly string[] {
  return tokens.flatMap(({ kind, value }, at) => {
    if (kind !== 'name' || tokens[at + 1]?.value === '.' || tokens[at - 1]?.value === '.') return [];
    const before = tokens.slice(0, at).findLast((token) => token.kind !== 'sign' || token.value !== '(');
    return before?.kind === 'word' && OF_TABLES.includes(before.value.toUpperCase()) ? [value] : [];
  });
}
