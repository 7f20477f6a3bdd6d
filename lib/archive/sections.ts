/** What a part of a dump is about. Events, routines, grants and the two ends have no name of their own. */
export type SectionKind =
  | 'preamble'
  | 'table'
  | 'sequence'
  | 'view-placeholder'
  | 'events'
  | 'routines'
  | 'view'
  | 'trailer'
  /** In the dump of several databases, where one begins; the dump of one database is not divided by it. */
  | 'database'
  /** After the trailer of the accounts: the grants that the dump program leaves out. */
  | 'public-grants'
  /** Rows of a table that was dumped in lanes: its own section holds the structure only. Interrupted by other sections. */
  | 'rows'
  /** The triggers of a table that was dumped in lanes. */
  | 'triggers'
  /** Not of the dump: the comments between which sections interrupt each other. */
  | 'switch';

/** One part of a dump: a table with its structure, its rows and its triggers; a view; all routines; … */
export interface Section {
  readonly kind: SectionKind;
  readonly name: string | null;
  /** Of `rows`: the number of the lane, from 1 on. */
  readonly lane?: number;
}

/** A section for a sentence, its name as it is or as `shown`. */
export function describeSection({ kind, name, lane }: Section, shown: (name: string) => string = String): string {
  if (name === null) return `the ${kind}`;
  switch (kind) {
    case 'rows':
      return `lane ${lane} of the table ${shown(name)}`;
    case 'triggers':
      return `the triggers of the table ${shown(name)}`;
    default:
      return `the ${kind} ${shown(name)}`;
  }
}

/** The comments that open a section, all but the last two by mariadb-dump. Each stands between two lines that hold `--` alone. */
const MARKERS: readonly (readonly [Buffer, SectionKind])[] = (
  [
    ['-- Table structure for table ', 'table'],
    ['-- Sequence structure for ', 'sequence'],
    ['-- Temporary table structure for view ', 'view-placeholder'],
    ['-- Dumping events for database ', 'events'],
    ['-- Dumping routines for database ', 'routines'],
    ['-- Final view structure for view ', 'view'],
    ['-- Grants to PUBLIC', 'public-grants'],
    ['-- Triggers of table ', 'triggers'],
  ] as const
).map(([text, kind]) => [Buffer.from(text), kind]);

/** Opens what follows about a database: once for its tables, and once more at the end for its views. */
const DATABASE_MARKER = [Buffer.from('-- Current Database: '), 'database'] as const;

const NAMELESS: readonly SectionKind[] = ['events', 'routines', 'public-grants'];

/** The statement with which the end of every dump begins. */
export const TRAILER_START = Buffer.from('/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;');

const BACKTICK = 0x60;
const NEWLINE = 0x0a;

/**
 * The section that the comment at `from` opens: null when it opens none, undefined when `bytes` ends too early to
 * tell. A newline in a name comes as a newline and `-- `, so that a name can look like a marker; but it cannot make
 * the line before it read `--`. `databases` says whether a database is a section, too.
 */
export function openedSection(bytes: Buffer, from: number, databases = false): Section | null | undefined {
  for (const [text, kind] of databases ? [...MARKERS, DATABASE_MARKER] : MARKERS) {
    const length = Math.min(text.length, bytes.length - from);
    if (bytes.compare(text, 0, length, from, from + length) !== 0) continue;
    if (length < text.length) return undefined;
    if (NAMELESS.includes(kind)) return { kind, name: null };
    return named(kind, bytes, from + text.length);
  }
  return null;
}

function named(kind: SectionKind, bytes: Buffer, from: number): Section | null | undefined {
  const read = quotedName(bytes, from);
  if (!read) return read;
  return bytes[read.to] === NEWLINE ? { kind, name: read.name } : null;
}

/**
 * The name in backticks at `from`, as mariadb-dump writes it into a comment, and the offset behind it, at which there
 * is a byte: null when there is none, undefined when `bytes` end too early.
 */
export function quotedName(
  bytes: Buffer,
  from: number,
): { readonly name: string; readonly to: number } | null | undefined {
  if (from >= bytes.length) return undefined;
  if (bytes[from] !== BACKTICK) return null;
  for (let at = from + 1; ; at += 2) {
    at = bytes.indexOf(BACKTICK, at);
    if (at < 0 || at + 1 >= bytes.length) return undefined;
    if (bytes[at + 1] === BACKTICK) continue;
    const name = bytes.toString('utf8', from + 1, at);
    const isPlain = !name.includes('`') && !name.includes('\n');
    return { name: isPlain ? name : name.replaceAll('``', '`').replaceAll('\n-- ', '\n'), to: at + 1 };
  }
}
