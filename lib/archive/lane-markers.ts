import { quotedName } from './sections.ts';

/** What a comment between statements says of what follows it. */
export type Switch =
  /** Rows of this lane, for the first time or again. */
  | { readonly kind: 'lane'; readonly table: string; readonly lane: number; readonly to: number }
  /** The rest of the table that was interrupted. */
  | { readonly kind: 'back'; readonly table: string; readonly to: number }
  /** The rows of the table whose structure was just there: not of this project but mariadb-dump's own comment. */
  | { readonly kind: 'data'; readonly table: string; readonly to: number };

const DATA = '-- Dumping data for table ';
const BACK = '-- Continuing table ';
const DATA_BYTES = Buffer.from(DATA);
const BACK_BYTES = Buffer.from(BACK);
const NEWLINE = 0x0a;
const END = Buffer.from('\n--\n');
/** Of what stands between a name and the end of the comment: `, lane 12 of 345`. */
const LANE_LIMIT = 40;

/** The comment after which rows of a lane stand. */
export function laneMarker(table: string, lane: number, lanes: number): Buffer {
  return Buffer.from(`--\n${DATA}${inComment(table)}, lane ${lane} of ${lanes}\n--\n`);
}

/** The comment after which a table goes on that a lane has interrupted. */
export function backMarker(table: string): Buffer {
  return Buffer.from(`--\n${BACK}${inComment(table)}\n--\n`);
}

/** The comment that opens the section with the triggers of a laned table. */
export function triggersMarker(table: string): Buffer {
  return Buffer.from(`--\n-- Triggers of table ${inComment(table)}\n--\n\n`);
}

/**
 * The switch whose second line begins at `from`, `to` being the offset behind its last line (of mariadb-dump's own:
 * `from`): null when there is none,
 * undefined when `bytes` end too early to tell. The first line has been read.
 */
export function switchAt(bytes: Buffer, from: number): Switch | null | undefined {
  const back = tableAfter(BACK_BYTES, bytes, from);
  if (back === undefined) return undefined;
  if (back) {
    const ended = follows(END, bytes, back.to);
    return ended ? { kind: 'back', table: back.name, to: back.to + END.length } : ended;
  }
  const data = tableAfter(DATA_BYTES, bytes, from);
  if (!data) return data;
  if (bytes[data.to] === NEWLINE) return { kind: 'data', table: data.name, to: from };
  const rest = bytes.toString('latin1', data.to, data.to + LANE_LIMIT);
  const found = /^, lane ([1-9]\d{0,5}) of [1-9]\d{0,5}\n--\n/.exec(rest);
  if (found) return { kind: 'lane', table: data.name, lane: Number(found[1]), to: data.to + found[0].length };
  return /^,[^\n]*(?:\n-?-?)?$/.test(rest) && rest.length < LANE_LIMIT ? undefined : null;
}

function tableAfter(words: Buffer, bytes: Buffer, from: number) {
  const found = follows(words, bytes, from);
  return found ? quotedName(bytes, from + words.length) : found;
}

/** True, null when something else follows, undefined when `bytes` end too early to tell. */
function follows(words: Buffer, bytes: Buffer, from: number): true | null | undefined {
  const length = Math.min(words.length, bytes.length - from);
  if (bytes.compare(words, 0, length, from, from + length) !== 0) return null;
  return length === words.length ? true : undefined;
}

/** As mariadb-dump writes a name into a comment: no newline in it can begin a line of another kind. */
function inComment(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``.replaceAll('\n', '\n-- ');
}
