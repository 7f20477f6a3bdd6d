import t from 'tap';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { looksAlike } from '../../lib/database/read-storage.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const megabytes = (table: string, count: number) =>
  `INSERT INTO \`${table}\` SELECT seq, REPEAT('x', 10000) FROM seq_1_to_${count * 100};`;

t.test('knows which tables can be dumped beside their database, and which of them in parts', async (t) => {
  const server = await serverFor(t);
  const tables = ['twin', 'Twin', 'näme', 'neme', 'plain'];
  await runSql(
    server,
    `SET NAMES utf8mb4; CREATE DATABASE shop; USE shop;
     CREATE TABLE large (id INT PRIMARY KEY, v TEXT); ${megabytes('large', 70)}
     ${tables.map((each) => `CREATE TABLE \`${each}\` (a INT, v TEXT); ${megabytes(each, 3)}`).join('\n')}
     CREATE TABLE small (a INT);
     CREATE TABLE aria (a INT, v TEXT) ENGINE=Aria; ${megabytes('aria', 3)}
     CREATE TABLE versioned (a INT, v TEXT) WITH SYSTEM VERSIONING; ${megabytes('versioned', 3)}
     CREATE DATABASE little; CREATE TABLE little.t (a INT, v TEXT); USE little; ${megabytes('t', 3)}
     ANALYZE TABLE shop.large, shop.aria, shop.versioned, little.t, ${tables.map((each) => `shop.\`${each}\``).join(', ')};`,
  );
  const { databases } = await inspectServer(server.root, { exclude: [] });
  const found = new Map(databases.map(({ name, tables }) => [`${name}`, tables.map(({ table, key }) => [table, key])]));
  t.same(found.get('shop'), [
    ['large', 'id'],
    ['plain', null],
  ]);
  t.same(found.get('little'), [], 'nobody needs to know');
});

t.test('takes names for alike that the dump program may take for one', (t) => {
  for (const [one, other, alike] of [
    ['Shop', 'shop', true],
    ['näme', 'neme', true],
    ['shop', 'shops', false],
    ['shop', 'chop', false],
  ] as const) {
    t.equal(looksAlike(one, other), alike, `${one} and ${other}`);
    t.equal(looksAlike(other, one), alike, `${other} and ${one}`);
  }
  t.end();
});
