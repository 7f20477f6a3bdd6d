export interface CronVariable {
  readonly name: string;
  readonly value: string;
}

/** MAX_ENVSTR of cron.h is 1000; cron reads 998 bytes of the line and silently drops the others. */
const LINE_BYTES = 998;
/** NAME and what follows the equals sign, each of them in quotes or not. */
const ASSIGNMENT = /^("[^"=]*"|'[^'=]*'|[^ \t\v\f\r"'=][^ \t\v\f\r=]*)[ \t\v\f\r]*=[ \t\v\f\r]*(.*)$/s;
const BLANKS_AT_END = /[ \t\v\f\r]+$/;

/**
 * One line of a crontab, leading blanks gone, as a variable; undefined when it is none but may be an entry; a sentence
 * when somebody meant a variable and cron would see another, or none. Source: load_env() of Debian's cron 3.0pl1.
 */
export function parseCronVariable(line: string): CronVariable | string | undefined {
  const [, quotedName = '', written = ''] = ASSIGNMENT.exec(line) ?? [];
  if (quotedName === '') return undefined;
  const name = unquoted(quotedName);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `"${name}" is no name of a variable`;
  if (name === 'CRON_TZ') return 'CRON_TZ does nothing here: cron fires by the time zone of the host';
  if (Buffer.byteLength(line) > LINE_BYTES) return `the variable ${name} is longer than ${LINE_BYTES} bytes`;
  const value = written.replace(BLANKS_AT_END, '');
  if (value === '') return `the variable ${name} has no value, which cron takes for a bad line: write ${name}=""`;
  const quote = value.charAt(0);
  if (quote !== '"' && quote !== "'") return { name, value };
  if (value.indexOf(quote, 1) !== value.length - 1) return `the value of ${name} has quotes that cron does not take`;
  const inside = value.slice(1, -1);
  // Blanks at the end go even here, and a second pair of quotes within the first.
  if (BLANKS_AT_END.test(inside) || /^(["']).*\1$/s.test(inside)) return `cron would change the value of ${name}`;
  return { name, value: inside };
}

function unquoted(text: string): string {
  return /^["']/.test(text) ? text.slice(1, -1) : text;
}
