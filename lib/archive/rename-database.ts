import type { SectionKind } from './sections.ts';
import { asLatin1, type SqlToken, sqlTokens } from './sql-tokens.ts';
import type { SqlRules } from './statement-reader.ts';

const NAME = '`(?:[^`]|``)*`';
const VIEW_NAME = new RegExp(
  `^(/\\*!\\d+ CREATE [^\`]*?(?:DEFINER=${NAME}(?:@${NAME})? )?SQL SECURITY \\w+ (?:\\*/\\n/\\*!\\d+ )?VIEW )(${NAME})\\.(?=${NAME} AS )`,
);

/** Writes the name of a database anew where a dump itself names it: everywhere but in the bodies that people wrote. */
export class DatabaseRename {
  readonly #from: string;
  readonly #to: string;
  readonly #heads: readonly RegExp[];
  readonly #comments: readonly (readonly [string, string])[];

  constructor(from: string, to: string) {
    const quoted = (name: string) => `\`${asLatin1(name).replaceAll('`', '``')}\``;
    const commented = (name: string) => name.replaceAll('\n', '\n-- ');
    this.#from = quoted(from);
    this.#to = quoted(to);
    const name = this.#from.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    this.#heads = ['USE ', 'CREATE DATABASE (?:/\\*!\\d+ IF NOT EXISTS\\*/ )?', 'ALTER DATABASE '].map(
      (words) => new RegExp(`^(${words})${name}(?=[ ;])`),
    );
    const pairs = (before: string, name: (of: string) => string, after: string) =>
      [from, to].map((each) => `--\n-- ${before}${commented(name(each))}${after}\n--\n`) as [string, string];
    this.#comments = [
      pairs('Current Database: ', quoted, ''),
      pairs('Dumping events for database ', (of) => `'${asLatin1(of)}'`, ''),
      pairs('Dumping routines for database ', (of) => `'${asLatin1(of)}'`, ''),
    ];
  }

  /** What stands between statements, whole. In latin1, as all here. */
  inText(text: string): string {
    return this.#comments.reduce((done, [before, after]) => done.replace(before, () => after), text);
  }

  inStatement(statement: string, section: SectionKind, rules: SqlRules): string {
    for (const head of this.#heads) {
      if (head.test(statement)) return statement.replace(head, (_, words: string) => words + this.#to);
    }
    switch (section) {
      case 'table':
        return statement.startsWith('CREATE TABLE ')
          ? this.#everywhere(statement, rules)
          : this.#inTrigger(statement, rules);
      case 'triggers':
        return this.#inTrigger(statement, rules);
      case 'view':
        // Written in full where any table of the view is of another database.
        return statement.replace(VIEW_NAME, (whole, before: string, name: string) =>
          name === this.#from ? `${before}${this.#to}.` : whole,
        );
      default:
        return statement;
    }
  }

  /** The server writes a database into the definition of a table where a default takes a number from a sequence. */
  #everywhere(statement: string, rules: SqlRules): string {
    const own = [...sqlTokens(statement, rules)].filter(
      ({ kind, from, to }) =>
        kind === 'name' && statement.slice(from, to) === this.#from && statement.charAt(to) === '.',
    );
    return replaced(statement, own, this.#to);
  }

  /** A trigger's head is kept as somebody typed it: `TRIGGER db.name BEFORE INSERT ON db.table`. It can name its own database only. */
  #inTrigger(statement: string, rules: SqlRules): string {
    const names: SqlToken[] = [];
    let before: SqlToken | undefined;
    let inHead = false;
    for (const token of sqlTokens(statement, rules)) {
      const word = token.kind === 'word' ? token.value.toUpperCase() : '';
      if (word === 'TRIGGER') inHead = true;
      if (inHead && before && token.kind === 'sign' && token.value === '.') names.push(before);
      if (inHead && word === 'FOR') return replaced(statement, names, this.#to);
      before = token;
    }
    return statement;
  }
}

function replaced(text: string, places: readonly SqlToken[], by: string): string {
  let done = '';
  let at = 0;
  for (const { from, to } of places) {
    done += text.slice(at, from) + by;
    at = to;
  }
  return done + text.slice(at);
}
