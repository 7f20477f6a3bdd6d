import { errorNumber } from './client-failure.ts';

/** A grant that the server did not take, because what it is on is not there. */
export interface LostGrant {
  readonly database: string;
  /** The table, view, sequence or routine. */
  readonly name: string;
  /** Whom it was for, as SQL: `` `app`@`localhost` ``. */
  readonly grantee: string;
}

/** No such column, table or routine. A grant on a whole database needs none. */
const MISSING_OBJECT: readonly number[] = [1054, 1146, 1305];

const NAME = '`(?:[^`]|``)*`';
const GRANT = new RegExp(
  `^GRANT (?:${NAME}|[^\`])*? ON (?:PROCEDURE |FUNCTION |PACKAGE BODY |PACKAGE )?(${NAME})\\.(${NAME}) TO (${NAME}(?:@${NAME})?|PUBLIC)`,
);

/** Nobody reads more of them than this; each is counted all the same. */
const STATEMENT_LINES = 100;

/**
 * Reads what the client writes on standard error under `--force`: each failed statement between two lines of dashes,
 * and then its error. Tells the grants whose object is missing from all that is a failure. From a statement only
 * names are taken, which stand in backticks: a password's hash never does.
 */
export class LostGrants {
  readonly #found: LostGrant[] = [];
  #line = '';
  #statement: string[] = [];
  #failure: string | undefined;

  get found(): readonly LostGrant[] {
    return this.#found;
  }

  /** The first line that tells of something else than a missing object, if any. After the last `push`. */
  get failure(): string | undefined {
    return this.#failure ?? [...this.#statement, this.#line].find((line) => line !== '');
  }

  push(text: string): void {
    const lines = `${this.#line}${text}`.split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) this.#read(line);
  }

  #read(line: string): void {
    if (!/^ERROR \d+ /.test(line)) {
      if (this.#statement.length < STATEMENT_LINES && !/^-*$/.test(line)) this.#statement.push(line);
      return;
    }
    const grant = MISSING_OBJECT.includes(errorNumber(line) ?? 0) ? parseGrant(this.#statement.join('\n')) : undefined;
    if (grant) this.#found.push(grant);
    else this.#failure ??= line;
    this.#statement = [];
  }
}

function parseGrant(statement: string): LostGrant | undefined {
  const [, database, name, grantee] = GRANT.exec(statement) ?? [];
  if (database === undefined || name === undefined || grantee === undefined) return undefined;
  return { database: unquoted(database), name: unquoted(name), grantee };
}

function unquoted(identifier: string): string {
  return identifier.slice(1, -1).replaceAll('``', '`');
}
