const QUOTED = /`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'/gs;
const NAME = '`(?:[^`]|``)*`';
/** As SHOW CREATE TABLE writes a key, up to its options: names in backticks, lengths, directions. */
const KEY = new RegExp(`^ {2}((?:UNIQUE )?KEY (${NAME}) \\([^()]*(?:\\(\\d+\\)[^()]*)*\\)(?: USING BTREE)?),?$`);
const PRIMARY = /^ {2}PRIMARY KEY \(([^\n]*)\)/m;
const COUNTED = new RegExp(`^ {2}(${NAME}) [^\\n]* AUTO_INCREMENT\\b`, 'm');
/** What needs a key while there are rows, or is made with one. */
const NEEDS_KEYS =
  /\bFOREIGN KEY\b|\bFULLTEXT\b|\bSPATIAL\b|\bVECTOR\b|\bGENERATED ALWAYS\b|\bUSING HASH\b|\bWITHOUT OVERLAPS\b|\bIGNORED\b/;

/** Statements, as latin1, that take all keys but the primary one from a table, and give them back in their order. */
export interface SecondaryKeys {
  readonly drop: string;
  readonly add: string;
  /** Columns of the primary key, which stays. */
  readonly primary: readonly string[];
}

/**
 * The keys of a table that can be made after its rows, so that nobody sees that they were; null when it has none, or one
 * of a kind that is not known for certain to come back as it was. `structure` is its CREATE TABLE, as latin1, of a table
 * that `keepsKeyOrder`.
 *
 * All or none: the server sorts the keys of a table by kind, and those of one kind by the order in which they came.
 */
export function secondaryKeys(structure: string): SecondaryKeys | null {
  const [, table, body] =
    new RegExp(`^CREATE TABLE (${NAME}) \\(\\n([\\s\\S]*?)\\n\\) ENGINE=InnoDB`, 'm').exec(structure) ?? [];
  if (table === undefined || body === undefined) return null;
  const quoted = structure.match(QUOTED) ?? [];
  if (quoted.some((each) => each.includes('\n')) || NEEDS_KEYS.test(structure.replace(QUOTED, '``'))) return null;
  const counted = COUNTED.exec(body.replaceAll(/'(?:[^'\\]|\\.|'')*'/gs, "''"))?.[1];
  const primary = namesIn(PRIMARY.exec(body)?.[1] ?? '');
  if (counted !== undefined && nameIn(counted) !== primary[0]) return null;
  const lines = body
    .split('\n')
    .filter((line) => / KEY /.test(line.replace(QUOTED, '``')) && !line.startsWith('  PRIMARY KEY '));
  const keys = lines.map((line) => KEY.exec(line));
  if (keys.length === 0 || keys.some((key) => key === null)) return null;
  return {
    drop: `ALTER TABLE ${table} ${keys.map((key) => `DROP KEY ${key?.[2]}`).join(', ')};\n`,
    add: `ALTER TABLE ${table} ${keys.map((key) => `ADD ${key?.[1]}`).join(', ')}`,
    primary,
  };
}

const REFERENCES = new RegExp(` REFERENCES (?:(${NAME})\\.)?(${NAME}) \\(([^\\n]*?)\\)`, 'g');

/** What a foreign key refers to: a key of that table has to begin with these columns. */
export interface Reference {
  /** null for the table's own. */
  readonly database: string | null;
  readonly table: string;
  readonly columns: readonly string[];
}

/** What the foreign keys of a table refer to. */
export function referencesOf(structure: string): readonly Reference[] {
  if (!structure.includes(' REFERENCES ')) return [];
  return [...structure.matchAll(REFERENCES)].map(([, database, table = '', columns = '']) => ({
    database: database === undefined ? null : nameIn(database),
    table: nameIn(table),
    columns: namesIn(columns),
  }));
}

function namesIn(list: string): readonly string[] {
  return (list.match(/`(?:[^`]|``)*`/g) ?? []).map(nameIn);
}

function nameIn(quoted: string): string {
  return Buffer.from(quoted.slice(1, -1).replaceAll('``', '`'), 'latin1').toString('utf8');
}
