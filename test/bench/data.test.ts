import { createHash } from 'node:crypto';
import t from 'tap';
import { benchmarkSql, databasesOf, SHAPES, type Shape, shapeNamed } from './data.ts';

const BYTES = 2e6;

for (const shape of SHAPES) {
  t.test(`${shape}: the same size gives the same data, of about that size`, async (t) => {
    const [one, other] = [await taken(shape), await taken(shape)];
    t.equal(one.sha256, other.sha256);
    // Blobs are twice as long in hexadecimal as in a dump.
    t.ok(one.sql.length > BYTES && one.sql.length < BYTES * 2, `${one.sql.length}`);
    const made = [...one.sql.matchAll(/^CREATE DATABASE (\w+);$/gm)].map(([, name]) => name);
    t.strictSame(made, databasesOf(shape));
  });
}

t.test('one huge table is nearly everything, and many small ones are alike', async (t) => {
  t.ok((await largestPart('one-huge')) > 0.9);
  t.ok((await largestPart('many-small')) < 0.1);
  t.equal(databasesOf('many-small').length, 20);
});

t.test('another shape is refused by name', async (t) => {
  t.equal(shapeNamed('mixed'), 'mixed');
  t.throws(() => shapeNamed('round'), { message: /round: there are mixed, many-small, one-huge, keyed/ });
});

async function taken(shape: Shape): Promise<{ readonly sql: string; readonly sha256: string }> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of benchmarkSql(shape, BYTES)) chunks.push(chunk);
  const all = Buffer.concat(chunks);
  return { sql: all.toString('latin1'), sha256: createHash('sha256').update(all).digest('hex') };
}

/** The largest table's part of all statements. */
async function largestPart(shape: Shape): Promise<number> {
  const { sql } = await taken(shape);
  const tables = sql.split(/^CREATE TABLE /m).slice(1);
  return Math.max(...tables.map(({ length }) => length)) / sql.length;
}
