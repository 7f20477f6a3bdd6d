type Rule = readonly [RegExp, string];

/**
 * Sentences in which MariaDB repeats what stands in a row, or in a statement: of each the constant part is kept, its numbers,
 * and the names of columns, keys and tables. Values are printed as they are, whatever quotes they hold: so each goes on to
 * the last place at which its sentence could go on, and to the end of the text where there is none.
 * https://mariadb.com/kb/en/mariadb-error-code-reference/
 */
const RULES: readonly Rule[] = [
  // The client's echo of the statement that failed.
  [/^-{14}\r?\n[\s\S]*?(?:\n-{14}\r?$|(?![\s\S]))/gm, '…'],
  [/\b((?:INSERT|REPLACE)\s[^;\n]{0,1000}?\bVALUES?\s*)\([\s\S]*/gi, '$1(…)'],
  [/\b(near )'(?:[\s\S]*(' at line \d+)|[\s\S]*)/g, "$1'…$2"],
  [/\b(Duplicate entry )'(?:[\s\S]*(' for key )|[\s\S]*)/g, "$1'…$2"],
  [
    /\b((?:Incorrect|Truncated incorrect|Invalid|Wrong|Illegal)[ \w()]{0,60}? (?:value|string|character string|entry):? )'(?:[\s\S]*(' (?:for (?:column|function|key)|found during)\b)|[\s\S]*)/g,
    "$1'…$2",
  ],
  [/\b(Data truncated|Data too long|Out of range value)( for column )'/g, "$1$2'"],
  [/\b([A-Z][\w() ]{0,40} value is out of range in )'[\s\S]*/g, "$1'…'"],
  [/\b(has no partition for value )[^\n]*/g, '$1…'],
  [/\b(XPATH syntax error: )'[\s\S]*/g, "$1'…'"],
  // Of replication: the event that was not applied.
  [/(\bDefault database: '[^'\n]*'\. Query: )'[\s\S]*/g, "$1'…'"],
  // Node's parser shows what it could not read.
  [
    /\b(Unexpected (?:token|non-whitespace|end)[^"\n]{0,60}?(?:'.'|.)?, )(?:\.\.\.)?"[\s\S]*"(?:\.\.\.)?( is not valid JSON)/g,
    '$1…$2',
  ],
];

const MAY_BE =
  /-{14}\r?\n|\bVALUES?\s*\(|near '|Duplicate entry|ncorrect|nvalid|Wrong|Illegal|out of range|no partition|XPATH|Query: '|Unexpected/;

/** `text` without what a server, or a client of it, repeats of rows and statements. */
export function withoutRowData(text: string): string {
  if (!MAY_BE.test(text)) return text;
  return RULES.reduce((left, [pattern, instead]) => left.replace(pattern, instead), text);
}
