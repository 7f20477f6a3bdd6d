const NAME = '(?:`(?:[^`]|``)*`|"(?:[^"]|"")*")';
/** As the server writes the head of an event: all up to the state, in which nothing is free text but names. */
const ENABLED = new RegExp(
  `^(/\\*!\\d+ CREATE(?: OR REPLACE)?(?:\\*/ /\\*!\\d+ DEFINER=${NAME}(?:@${NAME})?)?(?:\\*/ /\\*!\\d+)? EVENT ${NAME}` +
    " ON SCHEDULE (?:EVERY (?:'[^']*'|-?\\d+) [A-Z_]+(?: STARTS '[^']*')?(?: ENDS '[^']*')?|AT '[^']*')" +
    ' ON COMPLETION (?:NOT )?PRESERVE )ENABLE(?=[ \\n])',
);

/** The statement that makes an event, disabled; any other one as it is. In latin1. */
export function withEventDisabled(statement: string): string {
  return statement.replace(ENABLED, '$1DISABLE');
}
