import { fromLatin1, type SqlToken, sqlTokens } from './sql-tokens.ts';
import type { SqlRules } from './statement-reader.ts';

/** What a statement of a dump makes, of all that has a body which somebody wrote. */
export interface Made {
  readonly kind: 'view' | 'routine' | 'trigger' | 'event';
  readonly name: string;
  readonly tokens: readonly SqlToken[];
  /** Where the body begins among them. */
  readonly body: number;
}

/** What stands before the name of what is made. */
const MAKES: Readonly<Record<string, Made['kind']>> = {
  VIEW: 'view',
  PROCEDURE: 'routine',
  FUNCTION: 'routine',
  PACKAGE: 'routine',
  BODY: 'routine',
  TRIGGER: 'trigger',
  EVENT: 'event',
};
/** Where a head ends, in which a dump is renamed, and the body begins. */
const HEAD_ENDS: Readonly<Record<Made['kind'], string>> = { view: 'AS', routine: '', trigger: 'FOR', event: 'DO' };

/** What a statement makes, and where its body begins among its tokens; undefined when it makes nothing of that kind. */
export function madeBy(statement: string, rules: SqlRules): Made | undefined {
  if (!/^(?:\/\*!\d+ )?CREATE\b/.test(statement) || /^CREATE (?:TABLE|SEQUENCE|DATABASE) /.test(statement)) {
    return undefined;
  }
  const tokens = [...sqlTokens(statement, rules)];
  for (let at = 1; at < tokens.length; at += 1) {
    const kind = tokens[at]?.kind === 'word' ? MAKES[tokens[at]?.value.toUpperCase() ?? ''] : undefined;
    if (!kind) continue;
    if (tokens[at + 1]?.value.toUpperCase() === 'BODY' && tokens[at + 1]?.kind === 'word') continue;
    let named = at + 1;
    if (tokens[named]?.kind === 'word' && tokens[named]?.value.toUpperCase() === 'IF') named += 3;
    if (tokens[named + 1]?.value === '.') named += 2;
    const end = HEAD_ENDS[kind];
    const ends = tokens.findIndex(
      (token, index) => index > named && token.kind === 'word' && token.value.toUpperCase() === end,
    );
    const name = fromLatin1(tokens[named]?.value ?? '');
    return { kind, name, body: end === '' ? named + 1 : ends + 1, tokens };
  }
  return undefined;
}
