import { fromLatin1, sqlTokens } from './sql-tokens.ts';
import type { SqlRules } from './statement-reader.ts';

const FUNCTIONS: readonly string[] = ['NEXTVAL', 'LASTVAL'];

/** The sequences that the definition of a table takes numbers from, as the server writes it: ``nextval(`database`.`name`)``. */
export function sequencesIn(statement: string, rules: SqlRules): readonly string[] {
  const names: string[] = [];
  const tokens = [...sqlTokens(statement, rules)];
  tokens.forEach(({ kind, value }, index) => {
    if (kind !== 'word' || !FUNCTIONS.includes(value.toUpperCase()) || tokens[index + 1]?.value !== '(') return;
    const name = tokens[index + 3]?.value === '.' ? tokens[index + 4] : tokens[index + 2];
    if (name?.kind === 'name') names.push(fromLatin1(name.value));
  });
  return [...new Set(names)];
}
