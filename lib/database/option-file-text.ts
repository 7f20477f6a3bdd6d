/*
 * MariaDB's option files, read by the rules of its own reader (mysys/my_default.c) and written so that this reader gets
 * back what was meant. Text here is one character a byte (latin1), because a password is bytes, whatever they encode.
 */

/** What the client programs take from an option file. */
export interface ClientOptions {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** The sections that every client program reads. */
const CLIENT_GROUPS: ReadonlySet<string> = new Set(['client', 'client-server', 'client-mariadb']);
const LINE_LIMIT = 4000;

interface Line {
  readonly text: string;
  /** `user` or `password` when it is one of a section that clients read. */
  readonly key: 'user' | 'password' | undefined;
  readonly value: string;
}

/** The last user and password of the client sections; undefined for a text that MariaDB's programs refuse. */
export function parseOptionFile(text: string): ClientOptions | undefined {
  const lines = readLines(text);
  if (!lines) return undefined;
  const last = (key: Line['key']) => lines.findLast((line) => line.key === key)?.value || undefined;
  return { user: last('user'), password: last('password') };
}

/** `text` with another user and password, and all else as it was. A text that programs refuse is left out altogether. */
export function withClientOptions(text: string, { user, password }: ClientOptions): string {
  const kept = (readLines(text) ?? []).filter(({ key }) => key === undefined).map((line) => line.text);
  const ours = [
    ...(user === undefined ? [] : [`user = ${quoteOption(user)}`]),
    ...(password === undefined ? [] : [`password = ${quoteOption(password)}`]),
  ];
  const header = kept.findIndex((line) => groupOf(line.trim()) === 'client');
  const lines =
    header < 0 ? ['[client]', ...ours, ...kept] : [...kept.slice(0, header + 1), ...ours, ...kept.slice(header + 1)];
  return `${lines.join('\n').replace(/\n+$/, '')}\n`;
}

function readLines(text: string): Line[] | undefined {
  if (text.includes('\0')) return undefined;
  let group: string | undefined;
  const lines: Line[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/^\s+/, '');
    const named = groupOf(line);
    if (raw.length > LINE_LIMIT || named === null) return undefined;
    if (named !== undefined) group = named;
    const isOption = named === undefined && !/^([#;!]|$)/.test(line);
    if (isOption && group === undefined) return undefined;
    lines.push({ text: raw, ...(isOption && CLIENT_GROUPS.has(group ?? '') ? readOption(line) : NO_OPTION) });
  }
  return lines;
}

const NO_OPTION = { key: undefined, value: '' };

/** The name of the section that a line begins; undefined for other lines, null for one without an end. */
function groupOf(line: string): string | null | undefined {
  if (!line.startsWith('[')) return undefined;
  const end = line.indexOf(']');
  return end < 0 ? null : line.slice(1, end).trimEnd();
}

function readOption(line: string): Pick<Line, 'key' | 'value'> {
  const [, name = '', value = ''] = /^([^=]*)(?:=([\s\S]*))?$/.exec(withoutComment(line)) ?? [];
  const key = name
    .trimEnd()
    .replaceAll('_', '-')
    .replace(/^loose-/, '');
  // A program takes the beginning of a name for the whole where it is the only one that begins so.
  if (key === 'user') return { key, value: readValue(value) };
  return /^pass(w(o(rd?)?)?)?$/.test(key) ? { key: 'password', value: readValue(value) } : NO_OPTION;
}

/** A `#` ends the line anywhere but in quotes, which may stand anywhere; a quote without an end goes on to the end. */
function withoutComment(line: string): string {
  let quote: string | undefined;
  let escaped = false;
  for (const [index, sign] of [...line].entries()) {
    if ((sign === '"' || sign === "'") && !escaped) {
      if (quote === undefined) quote = sign;
      else if (quote === sign) quote = undefined;
    }
    if (quote === undefined && sign === '#') return line.slice(0, index);
    escaped = quote !== undefined && sign === '\\' && !escaped;
  }
  return line;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', s: ' ', '"': '"', "'": "'" };

function readValue(text: string): string {
  const trimmed = text.trim();
  const quoted = /^(["'])([\s\S]*)\1$/.exec(trimmed);
  const inner = quoted ? (quoted[2] ?? '') : trimmed;
  return inner.replace(/\\([\s\S])/g, (both, sign: string) => (sign === '\\' ? sign : (ESCAPES[sign] ?? both)));
}

const WRITTEN: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r', '\b': '\\b', '"': '\\"' };

/** A value that the reader gives back as it is, whatever stands in it, but for NUL. */
function quoteOption(value: string): string {
  return `"${value.replace(/[\n\t\r\b"\\]/g, (sign) => WRITTEN[sign] ?? '\\\\')}"`;
}
