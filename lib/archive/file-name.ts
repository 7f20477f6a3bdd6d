import { createHash } from 'node:crypto';
import { COMPRESSIONS, type Compression } from '../model/compression.ts';
import type { DatabaseName } from '../model/names.ts';

/**
 * What may come behind the name on a disk: `.tar.zst.enc.segments.partial` has 29 bytes of the 255 that a file name
 * may have, and a manifest takes names of up to 251.
 */
const STEM_BYTES = 220;
const CUT_BYTES = STEM_BYTES - 33;

/** Stem of the accounts' archive: no database's, because `@` is escaped there. */
const ACCOUNTS = '@accounts';

/**
 * File name of the archive of a database; of the accounts for null. Letters, digits, `_` and `-` stand for themselves
 * (`-` not in front, where programs take it for an option), all else is percent-encoded UTF-8. A name that gets too
 * long is cut and ends in `~` and half its SHA-256. No two databases share a name. Its end says how it is compressed.
 */
export function archiveFileName(database: DatabaseName | null, compression: Compression = 'gzip'): string {
  return `${database === null ? ACCOUNTS : stemOf(database)}${COMPRESSIONS[compression]}`;
}

function stemOf(database: string): string {
  const escaped = [...Buffer.from(database, 'utf8')].map((byte, index) => {
    const character = String.fromCharCode(byte);
    const plain = (index === 0 ? /[A-Za-z0-9_]/ : /[A-Za-z0-9_-]/).test(character);
    return plain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  const whole = escaped.join('');
  if (whole.length <= STEM_BYTES) return whole;
  const digest = createHash('sha256').update(database).digest('hex').slice(0, 32);
  return `${whole.slice(0, CUT_BYTES).replace(/%.?$/, '')}~${digest}`;
}
