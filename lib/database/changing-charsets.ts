import * as z from 'zod';
import { DatabaseName } from '../model/names.ts';
import type { Ask } from './client.ts';

/**
 * Character sets in which some text comes back as other text: a dump is in utf8mb4, and not every character of theirs
 * is there and back the same one. Measured on MariaDB 10.11.19 over every character of one, two and three bytes of every
 * character set but the Unicode ones (the test does it again): `CONVERT(CONVERT(c USING utf8mb4) USING <charset>)` is not `c` for
 *
 * - armscii8: 6 signs that ASCII has too (`A4` becomes `29`); sjis: the backslash (`5C` becomes `815F`); ujis: 2;
 *   cp932: 398 and eucjpms: 24 that are there twice (`8790` becomes `81E0`);
 * - and, where no Unicode is known for what vendors have put there (a question mark comes back), big5: 262,
 *   cp932: 1676, eucjpms: 2657, euckr: 5380, gb2312: 733, gbk: 2149, sjis: 4401, ujis: 2846.
 *
 * All others change nothing but bytes that stand for no character at all, such as `81` in cp1250.
 */
export const CHANGING_CHARSETS: readonly string[] = [
  'armscii8',
  'big5',
  'cp932',
  'eucjpms',
  'euckr',
  'gb2312',
  'gbk',
  'sjis',
  'ujis',
];

/** A column whose text may not come back byte for byte. */
export interface ChangingColumn {
  readonly database: DatabaseName;
  readonly table: string;
  readonly column: string;
  readonly charset: string;
}

const COLUMNS = `SELECT JSON_OBJECT('database', TABLE_SCHEMA, 'table', TABLE_NAME, 'column', COLUMN_NAME, 'charset', CHARACTER_SET_NAME)
  FROM information_schema.COLUMNS JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME)
  WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND CHARACTER_SET_NAME IN (${CHANGING_CHARSETS.map((name) => `'${name}'`).join(', ')})
  ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION`;

const Row = z.object({
  database: DatabaseName,
  table: z.string(),
  column: z.string(),
  charset: z.string(),
});

/** Opens every table: not to be asked under a lock. */
export async function readChangingColumns(
  ask: Ask,
  databases: ReadonlyMap<DatabaseName, unknown>,
): Promise<readonly ChangingColumn[]> {
  return (await ask(COLUMNS, Row)).filter(({ database }) => databases.has(database));
}
