/** What stands in the place of a secret. */
export const HIDDEN = '[secret]';

type Rule = readonly [RegExp, string];

/** A string as SQL has it, up to its end or that of the text. */
const SQL_STRING = `(?!'…'|'\\[secret\\]')(?:'(?:[^'\\\\]|\\\\[\\s\\S]|'')*(?:'|$)|"(?:[^"\\\\]|\\\\[\\s\\S]|"")*(?:"|$))`;
/** Words whose value is a secret. */
const WORDS = '(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key)';
/** The same, but not in the middle of a run of base64, which has any letters. */
const WORD = `(?<![A-Za-z0-9+/])${WORDS}`;

/**
 * Forms that secrets have, whoever they belong to. No rule may need more than a time that grows with the text, whatever is in it:
 * each repetition ends at a character that it does not take, at a limit, or at the end of all.
 */
const RULES: readonly Rule[] = [
  // A private key, to its last line, or to the end of the text where that is cut off. A public one is none.
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]*?-----END [A-Z0-9 ]*-----|[\s\S]*$)/g, HIDDEN],
  // https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
  [
    /\b(?:gh[pousr]_[A-Za-z0-9_][A-Za-z0-9_.-]{18,}[A-Za-z0-9_]|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,})/g,
    HIDDEN,
  ],
  // A JSON Web Token, such as that of a GitHub App: RFC 7519 section 3.
  [/\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g, HIDDEN],
  [/\b((?:proxy-)?authorization["']?[ \t]*[:=][ \t]*["']?)[^\s"'][^\r\n]*/gi, `$1${HIDDEN}`],
  [/\b(bearer )[A-Za-z0-9._~+/-]{16,}=*/gi, `$1${HIDDEN}`],
  // A token also works as the user of an https address; that of an ssh address is a name, and only its password goes.
  [
    /\b([a-z][a-z0-9+.-]{0,20}:\/\/[^\s/@:'"[]{0,200}:)(?!\d{1,5}(?:[/?#\s'"]|$))[^\s@]{0,500}(?:@[^\s/@]{0,500}){0,20}@/gi,
    `$1${HIDDEN}@`,
  ],
  [/\b(https?:\/\/)[^\s/@]{0,500}(?:@[^\s/@]{0,500}){0,20}@/gi, `$1${HIDDEN}@`],
  [new RegExp(`\\b(IDENTIFIED\\s+(?:BY|VIA|WITH)\\b[^'"\\n]*)${SQL_STRING}`, 'gi'), `$1'${HIDDEN}'`],
  [new RegExp(`\\b(PASSWORD\\s*\\(\\s*|USING\\s+)${SQL_STRING}`, 'g'), `$1'${HIDDEN}'`],
  // What mysql_native_password compares with.
  [/'\*[0-9A-F]{40}'/g, `'${HIDDEN}'`],
  // password = 'x', of SQL and of option files; also MASTER_PASSWORD.
  [new RegExp(`(${WORD}\\s*=\\s*)(?!["']\\[secret\\]["'])${SQL_STRING}`, 'gi'), `$1'${HIDDEN}'`],
  // password=x, and an option file's line `password = x`. What a plan says of it in parentheses is none, nor is an ellipsis.
  [
    new RegExp(`(${WORD}=)(?!…|\\[secret\\]|(?:true|false)(?:[\\s'",;)]|$)|\\$[({A-Z_])[^\\s'"=]\\S*`, 'gi'),
    `$1${HIDDEN}`,
  ],
  [new RegExp(`(${WORD}[ \\t]+=[ \\t]+)(?![(…]|\\[secret\\])[^\\s'"]\\S*`, 'gi'), `$1${HIDDEN}`],
  // "password": "x", of JSON, however often it is escaped.
  [
    new RegExp(`(["']\\w{0,40}${WORDS}\\\\*["']\\s*:\\s*)\\\\*"(?:[^"\\\\]|\\\\[\\s\\S])*(?:"|$)`, 'gi'),
    `$1"${HIDDEN}"`,
  ],
  // MariaDB's programs repeat a line of an option file that they do not know: a password behind a mistyped name.
  [/\b(unknown (?:variable|option) '[^'=\n]*=)[^\n]*/gi, `$1${HIDDEN}'`],
];

/** Without a secret there is none of these; looking for them first is several times as fast as all rules. */
const MAY_BE =
  /PRIVATE KEY|gh[pousr]_|github_pat_|glpat-|eyJ|authorization|bearer |:\/\/|IDENTIFIED|password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|'\*|USING\s|unknown (?:variable|option)/i;

/** `text` without what has the form of a secret. */
export function withoutCredentials(text: string): string {
  if (!MAY_BE.test(text)) return text;
  return RULES.reduce((left, [pattern, instead]) => left.replace(pattern, instead), text);
}
