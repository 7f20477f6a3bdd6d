import { createCipheriv, createHash } from 'node:crypto';

/*
 * Rows of the benchmarks' tables. Deterministic: the same seed gives the same rows on every machine.
 */

/** A row in parentheses as INSERT takes it, and about how many bytes mariadb-dump writes for it. */
export interface Row {
  readonly sql: string;
  readonly dumpedBytes: number;
}

/** A table of the benchmark: what it is made with, and its rows by their number, in order from 1 on. */
export interface RowKind {
  readonly columns: string;
  rowsFrom(seed: string): (id: number) => Row;
}

const WORDS =
  'the of and to in night copy order invoice customer paid street parcel returned garden blue winter lamp price letter under ' +
  'harbour violet machine number seven quiet answer stone bread window river account balance signed paper summer train late';

/** A stream of pseudo-random bytes: AES-CTR over zeroes, keyed by the seed. */
function randomBytes(seed: string): (size: number) => Buffer {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return (size) => cipher.update(Buffer.alloc(size));
}

function sentences(seed: string): (words: number) => string {
  const random = randomBytes(seed);
  const words = WORDS.split(' ');
  return (count) =>
    Array.from(random(count), (byte) => (byte < 190 ? words[byte % words.length] : byte.toString(36))).join(' ');
}

function asDumped(sql: string): Row {
  return { sql, dumpedBytes: sql.length };
}

function momentOf(id: number): string {
  return new Date(1_700_000_000_000 + id * 60_000).toISOString().slice(0, 19).replace('T', ' ');
}

/** Words: a compressor makes it a third. */
export const PROSE: RowKind = {
  columns: 'id INT PRIMARY KEY, title VARCHAR(80), body TEXT',
  rowsFrom(seed) {
    const sentence = sentences(`${seed}/prose`);
    return (id) => asDumped(`(${id},'${sentence(8)}','${sentence(150)}')`);
  },
};

/** Short rows of numbers, which cost the server and the dump the most a byte. */
export const NUMBERS: RowKind = {
  columns: 'id INT PRIMARY KEY, host INT, value DOUBLE, cents DECIMAL(14,2), at DATETIME',
  rowsFrom(seed) {
    const random = randomBytes(`${seed}/numbers`);
    return (id) => {
      const bytes = random(16);
      const cents = (bytes.readUInt32LE(4) / 100).toFixed(2);
      const value = bytes.readUInt32LE(8) / 1e6;
      return asDumped(`(${id},${bytes.readUInt16LE(0) % 200},${value},${cents},'${momentOf(id)}')`);
    };
  },
};

/** Bytes that no compressor makes smaller. */
export function blobsOf(sizeBytes: number): RowKind {
  return {
    columns: 'id INT PRIMARY KEY, body MEDIUMBLOB',
    rowsFrom(seed) {
      const random = randomBytes(`${seed}/blobs`);
      const row = (id: number) => `(${id},x'${random(sizeBytes).toString('hex')}')`;
      return (id) => ({ sql: row(id), dumpedBytes: sizeBytes * 1.01 });
    },
  };
}

/** What a shop's largest table looks like: some numbers, a text, a small signature. */
export const MIXED: RowKind = {
  columns: 'id INT PRIMARY KEY, customer INT, cents DECIMAL(14,2), at DATETIME, note TEXT, signature VARBINARY(64)',
  rowsFrom(seed) {
    const random = randomBytes(`${seed}/mixed`);
    const sentence = sentences(`${seed}/notes`);
    return (id) => {
      const bytes = random(72);
      const cents = (bytes.readUInt32LE(4) / 100).toFixed(2);
      const front = `(${id},${bytes.readUInt32LE(0) % 90_000},${cents},'${momentOf(id)}','${sentence(60)}',`;
      return { sql: `${front}x'${bytes.toString('hex', 8)}')`, dumpedBytes: front.length + 66 };
    };
  },
};
