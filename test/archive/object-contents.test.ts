import t from 'tap';
import { DumpReader } from '../../lib/archive/dump-reader.ts';
import { readObjectContents } from '../../lib/archive/object-contents.ts';
import type { Piece } from '../../lib/archive/piece.ts';
import { chunked } from '../bytes.ts';
import { namedDump } from '../fixture/named-dump.ts';

async function* piecesOf(dump: string): AsyncGenerator<Piece> {
  const reader = new DumpReader();
  for await (const chunk of chunked(Buffer.from(dump), [13])) yield* reader.push(chunk);
  yield* reader.end();
}

const SHOP = namedDump({ database: 'shop' });
const contents = await readObjectContents(piecesOf(SHOP));

t.test('finds every object, and counts the rows of its tables', async (t) => {
  t.same([...contents.values()].map(({ kind, name, rows }) => [kind, name, rows]).sort(), [
    ['event', 'nightly', null],
    ['routine', 'f', null],
    ['sequence', 'numbers', null],
    ['table', 'orders', 3],
    ['trigger', 'before', null],
    ['view', 'v', null],
  ]);
});

t.test('a change of one thing is a change of that object alone', async (t) => {
  const changes: readonly (readonly [string, string, string])[] = [
    ["(3,'CREATE", "(4,'CREATE", 'table orders'],
    ["COMMENT='USE", "COMMENT='Use", 'table orders'],
    ['cache 1000', 'cache 1001', 'sequence numbers'],
    ["SET @a = '", "SET @b = '", 'trigger before'],
    ['EVERY 1 DAY STARTS', 'EVERY 2 DAY STARTS', 'event nightly'],
    ['decimal(10,2)', 'decimal(10,3)', 'routine f'],
    ['from `other`', 'from `othor`', 'view v'],
  ];
  for (const [before, after, object] of changes) {
    const found = await readObjectContents(piecesOf(SHOP.replace(before, after)));
    const other = [...contents].flatMap(([key, each]) => {
      const now = found.get(key);
      return now && now.definition === each.definition && now.rowsDigest === each.rowsDigest ? [] : [key];
    });
    t.same(other, [object], before);
  }
});

t.test('does not count rows that stand on one line', async (t) => {
  const found = await readObjectContents(piecesOf(SHOP.replaceAll(' VALUES\n', ' VALUES ').replaceAll('),\n(', '),(')));
  t.equal(found.get('table orders')?.rows, null);
});
