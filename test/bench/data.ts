import { createCipheriv, createHash } from 'node:crypto';
import type { Bytes } from '../../lib/model/stages.ts';

/*
 * Deterministic data for benchmarks: the same seed and size give the same rows on every machine. Three databases with
 * a shape each: prose, numbers, and blobs that no compressor makes smaller. No secondary keys: a dump does not read them, and they take long to load.
 */

const WORDS =
  'the of and to in night copy order invoice customer paid street parcel returned garden blue winter lamp price letter under ' +
  'harbour violet machine number seven quiet answer stone bread window river account balance signed paper summer train late';

/** A stream of pseudo-random bytes: AES-CTR over zeroes, keyed by the seed. */
function randomBytes(seed: string): (size: number) => Buffer {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return (size) => cipher.update(Buffer.alloc(size));
}

const SETTINGS = 'SET sql_log_bin=0, autocommit=0, unique_checks=0, foreign_key_checks=0;\n';

/** Text, numbers, and blobs that cannot be compressed. */
export const BENCHMARK_DATABASES = ['bench_text', 'bench_numbers', 'bench_blobs'] as const;

/** SQL that makes the three databases with about `bytes` of dumped SQL together. */
export async function* benchmarkSql(bytes: number, seed = 'coffre'): Bytes {
  yield* table(
    'bench_text',
    'CREATE TABLE article (id INT PRIMARY KEY, title VARCHAR(80), body TEXT)',
    bytes * 0.45,
    prose(seed),
  );
  yield* table(
    'bench_numbers',
    'CREATE TABLE metric (id INT PRIMARY KEY, host INT, value DOUBLE, cents DECIMAL(14,2), at DATETIME)',
    bytes * 0.25,
    numbers(seed),
  );
  yield* table('bench_blobs', 'CREATE TABLE file (id INT PRIMARY KEY, body MEDIUMBLOB)', bytes * 0.3, blobs(seed));
}

async function* table(
  database: string,
  create: string,
  bytes: number,
  row: (id: number) => { sql: string; dumped: number },
): Bytes {
  const name = /TABLE (\w+)/.exec(create)?.[1];
  yield Buffer.from(`CREATE DATABASE ${database}; USE ${database};\n${SETTINGS}${create};\n`);
  let dumped = 0;
  for (let id = 1; dumped < bytes; ) {
    const rows: string[] = [];
    let length = 0;
    while (length < 900_000 && dumped < bytes) {
      const { sql, dumped: size } = row(id++);
      rows.push(sql);
      length += sql.length;
      dumped += size;
    }
    yield Buffer.from(`INSERT INTO ${name} VALUES ${rows.join(',')};\nCOMMIT;\n`);
  }
}

function prose(seed: string) {
  const random = randomBytes(`${seed}/prose`);
  const words = WORDS.split(' ');
  const sentence = (count: number) =>
    Array.from(random(count), (byte) => (byte < 190 ? words[byte % words.length] : byte.toString(36))).join(' ');
  return (id: number) => {
    const sql = `(${id},'${sentence(8)}','${sentence(150)}')`;
    return { sql, dumped: sql.length };
  };
}

function numbers(seed: string) {
  const random = randomBytes(`${seed}/numbers`);
  return (id: number) => {
    const bytes = random(16);
    const at = new Date(1_700_000_000_000 + id * 60_000).toISOString().slice(0, 19).replace('T', ' ');
    const cents = (bytes.readUInt32LE(4) / 100).toFixed(2);
    const sql = `(${id},${bytes.readUInt16LE(0) % 200},${bytes.readUInt32LE(8) / 1e6},${cents},'${at}')`;
    return { sql, dumped: sql.length };
  };
}

function blobs(seed: string) {
  const random = randomBytes(`${seed}/blobs`);
  const size = 200_000;
  return (id: number) => ({ sql: `(${id},x'${random(size).toString('hex')}')`, dumped: size * 1.01 });
}
