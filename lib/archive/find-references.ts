import { type Made, madeBy } from './made-by.ts';
import type { Piece } from './piece.ts';
import type { Section, SectionKind } from './sections.ts';
import { asLatin1, type SqlToken } from './sql-tokens.ts';
import { type DumpPart, type SqlRules, StatementReader } from './statement-reader.ts';

/** A view, routine, trigger or event whose body names a database. */
export type Reference = Pick<Made, 'kind' | 'name'>;

const READ: readonly SectionKind[] = ['table', 'triggers', 'events', 'routines', 'view'];

/**
 * Reads a whole dump for what would still mean `database` if it were loaded under another name: a name before a dot, or
 * the same inside a string, which may be SQL that is put together and prepared. A table or an alias of that name may be
 * taken for it; names are compared without regard to case, because a server may do so. Comments do not count. `tables`:
 * these tables and views alone; null for all there is.
 */
export async function findReferences(
  pieces: AsyncIterable<Piece>,
  database: string,
  tables: readonly string[] | null,
): Promise<readonly Reference[]> {
  const reader = new StatementReader();
  const search = new NameSearch(database);
  const found: Reference[] = [];
  let last: Section | undefined;
  const look = (parts: readonly DumpPart[]) => {
    for (const part of parts) {
      if (part.kind !== 'statement') continue;
      const reference = search.in(part.bytes.toString('latin1'), part.rules);
      if (reference) found.push(reference);
    }
  };
  for await (const piece of pieces) {
    if (piece.opens || piece.section !== last) look(reader.flush());
    last = piece.section;
    const { kind, name } = piece.section;
    if (READ.includes(kind) && (!tables || tables.includes(name ?? ''))) look(reader.push(piece.bytes));
  }
  look(reader.flush());
  return found;
}

class NameSearch {
  readonly #name: string;
  readonly #mention: RegExp;

  constructor(database: string) {
    this.#name = asLatin1(database).toLowerCase();
    const name = this.#name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    const inWord = 'A-Za-z0-9_$.\\x80-\\xff';
    this.#mention = new RegExp(`(?:^|[^${inWord}])${name}(?:\`|""?)?\\.(?:\`|"|[A-Za-z0-9_$\\x80-\\xff])`, 'i');
  }

  in(statement: string, rules: SqlRules): Reference | undefined {
    const made = madeBy(statement, rules);
    if (!made) return undefined;
    const { kind, name, body, tokens } = made;
    const isNamed = tokens.slice(body).some((token, index, all) => {
      if (token.kind === 'string') return kind !== 'view' && this.#mention.test(token.value);
      if (token.kind === 'sign' || token.value.toLowerCase() !== this.#name) return false;
      if (all[index + 1]?.value !== '.' || all[index - 1]?.value === '.') return false;
      return kind !== 'view' || isDatabase(all, index);
    });
    return isNamed ? { kind, name } : undefined;
  }
}

const OF_TABLES: readonly string[] = ['FROM', 'JOIN', 'STRAIGHT_JOIN'];

/** In the server's own writing of a view: whether this name before a dot is a database, and not a table or its alias. */
function isDatabase(tokens: readonly SqlToken[], at: number): boolean {
  if (tokens[at + 3]?.value === '.' || tokens[at + 3]?.value === '(') return true;
  const before = tokens.slice(0, at).findLast(({ kind, value }) => kind !== 'sign' || value !== '(');
  return before?.kind === 'word' && OF_TABLES.includes(before.value.toUpperCase());
}
