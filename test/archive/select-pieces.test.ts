import fc from 'fast-check';
import t from 'tap';
import { DumpReader } from '../../lib/archive/dump-reader.ts';
import { findReferences } from '../../lib/archive/find-references.ts';
import { mergeLanes } from '../../lib/archive/merge-lanes.ts';
import type { Piece } from '../../lib/archive/piece.ts';
import { describeSection } from '../../lib/archive/sections.ts';
import { selectPieces } from '../../lib/archive/select-pieces.ts';
import type { DatabaseName } from '../../lib/model/names.ts';
import { type Selection, WHOLE } from '../../lib/model/selection.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import { chunked } from '../bytes.ts';
import { lanedDump } from '../fixture/laned-dump.ts';
import { type NamedDump, namedDump } from '../fixture/named-dump.ts';

const name = (text: string) => text as DatabaseName;

async function* piecesOf(dump: Bytes): AsyncGenerator<Piece> {
  const reader = new DumpReader({ splitsTables: true });
  for await (const chunk of dump) yield* reader.push(chunk);
  yield* reader.end();
}

/** A selection of a dump in chunks of these sizes, as text. */
async function select(dump: Bytes, database: string, changes: Partial<Selection>) {
  const { pieces, expected, counts } = selectPieces(piecesOf(dump), name(database), { ...WHOLE, ...changes });
  const rests: string[] = [];
  const sections = new Map<object, string>();
  let text = '';
  for await (const { section, opens, bytes, rest } of pieces) {
    if (opens === sections.has(section)) throw new Error(`${describeSection(section)} opens twice, or never`);
    const part = bytes.toString('latin1');
    sections.set(section, (sections.get(section) ?? '') + part);
    if (rest > 0) rests.push(part.slice(0, rest).slice(-3));
    text += part;
  }
  return { text: Buffer.from(text, 'latin1').toString(), rests, digests: await expected, counts: await counts };
}

const whole = (dump: NamedDump, changes: Partial<Selection>, sizes = [65536]) =>
  select(chunked(Buffer.from(namedDump(dump)), sizes), dump.database, changes);

const AWKWARD = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'`\'"\n.;-/*!$&\\ aZß日') }),
  fc.constantFrom('shop', '$&', "o'\n--\n-- Current Database: `shop`", 'USE `shop`;', 'x */', '`'),
);

t.test('a dump under another name is what the dump program would have written of that one', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ from: AWKWARD, to: AWKWARD, sizes: fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1 }) }),
      async ({ from, to, sizes }) => {
        const renamed = await whole({ database: from }, { as: name(to) }, sizes);
        const written = await whole({ database: to }, {});
        t.equal(renamed.text, written.text);
        t.same(
          renamed.digests.map(({ kind, sha256 }) => [kind, sha256]),
          written.digests.map(({ kind, sha256 }) => [kind, sha256]),
        );
      },
    ),
    { numRuns: 30 },
  );
});

t.test(
  'all of a dump is all of it, but for how it comes back for the views and how many lines are empty',
  async (t) => {
    const { text, rests, counts } = await whole({ database: 'shop' }, {});
    const squeezed = (sql: string) => sql.replace(/\n+/g, '\n');
    const back = /--\n-- Current Database: `shop`\n--\nUSE `shop`;\n(?=--\n-- Final)/;
    t.equal(squeezed(text), squeezed(namedDump({ database: 'shop' })).replace(back, ''));
    t.match(counts, { tables: 1, sequences: 1, triggers: 1, views: 1, routines: 1, events: 1 });
    t.same(rests, [');\n'], 'rests behind an INSERT');
  },
);

t.test('a definer is mapped, whatever its name, and nothing that looks like one', async (t) => {
  await fc.assert(
    fc.asyncProperty(AWKWARD, AWKWARD, fc.boolean(), async (user, host, isRole) => {
      // A backslash before a double quote: such a dump the client does not get through either.
      const definer = (isRole ? [user] : [user, host]).map((each) => each.replaceAll('\\', '/'));
      const accounts = new Map([[definer.join('@'), 'new`"er@%']]);
      const { text } = await whole({ database: 'shop', definer }, { definer: { kind: 'map', accounts } });
      t.equal(text, (await whole({ database: 'shop', definer: ['new`"er', '%'] }, {})).text);
      const others = new Map([['x@y', 'z']]);
      const kept = await whole({ database: 'shop', definer }, { definer: { kind: 'map', accounts: others } });
      t.equal(kept.text, (await whole({ database: 'shop', definer }, {})).text);
    }),
    { numRuns: 30 },
  );
});

t.test('with the rights of the invoker no definer is left, and routines and views say so', async (t) => {
  const { text } = await whole({ database: 'shop' }, { definer: { kind: 'invoker' } });
  t.match(text, '\n/*!50003 CREATE*/ /*!50003 TRIGGER ');
  t.match(text, '\n/*!50106 CREATE*/ /*!50106 EVENT ');
  t.match(text, 'utf8mb4\n    READS SQL DATA\n    DETERMINISTIC\n    SQL SECURITY INVOKER\n    COMMENT ');
  t.match(text, '\n/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 SQL SECURITY INVOKER */\n/*!50001 VIEW ');
  const other = await whole({ database: 'shop', definer: ['a role'] }, { definer: { kind: 'invoker' } });
  t.equal(other.text, text, 'whoever it was');
  const already = namedDump({ database: 'shop' }).replace("    COMMENT '", "    SQL SECURITY INVOKER\n    COMMENT '");
  const same = await select(chunked(Buffer.from(already), [100]), 'shop', { definer: { kind: 'invoker' } });
  t.equal(same.text, text, 'and where it is so already, it stays');
});

t.test('events come disabled by their state alone', async (t) => {
  const disabled = await whole({ database: 'shop' }, { events: 'disabled' });
  t.equal(disabled.text, (await whole({ database: 'shop', event: 'DISABLE' }, {})).text);
  const there = { database: 'shop', event: 'DISABLE ON SLAVE' } as const;
  t.equal((await whole(there, { events: 'disabled' })).text, (await whole(there, {})).text);
});

t.test('without rows there is no INSERT, and all else', async (t) => {
  const { text } = await whole({ database: 'shop' }, { schemaOnly: true }, [7]);
  t.equal(text, (await whole({ database: 'shop' }, {})).text.replace(/INSERT INTO[^;]*VALUES\n(?:\(.*\)[,;]\n)+/g, ''));
  t.notMatch(text, 'INSERT INTO `');
});

t.test('one table comes with the sequence that its rows are numbered by, and with nothing else', async (t) => {
  const { text, digests, counts } = await whole({ database: 'shop' }, { tables: ['orders'] });
  t.same(
    digests.map(({ kind, name }) => [kind, name]),
    [
      ['preamble', null],
      ['sequence', 'numbers'],
      ['table', 'orders'],
      ['trailer', null],
    ],
  );
  t.match(counts, { tables: 1, sequences: 1, triggers: 1, views: 0, routines: 0, events: 0 });
  t.ok(text.indexOf('CREATE SEQUENCE') < text.indexOf('CREATE TABLE'));
  const left = await whole({ database: 'shop' }, { tables: ['orders'], leaves: ['numbers'] });
  t.notMatch(left.text, 'SEQUENCE');
  const view = await whole({ database: 'shop' }, { tables: ['v'] });
  t.same(
    view.digests.map(({ kind }) => kind),
    ['preamble', 'view-placeholder', 'view', 'trailer'],
  );
});

t.test('the rows of a table do not wait for its end', async (t) => {
  const read: string[] = [];
  async function* watched(): AsyncGenerator<Piece> {
    for await (const piece of piecesOf(chunked(Buffer.from(namedDump({ database: 'shop' })), [100]))) {
      read.push(piece.section.kind);
      yield piece;
    }
  }
  const { pieces } = selectPieces(watched(), name('shop'), { ...WHOLE, tables: ['orders'] });
  for await (const { bytes } of pieces) if (bytes.includes('INSERT')) break;
  t.ok(read.includes('table'));
  t.notOk(read.includes('view-placeholder'), 'nothing behind the table has been read yet');
});

t.test('a table that is not there is named', async (t) => {
  const { pieces, expected } = selectPieces(
    piecesOf(chunked(Buffer.from(namedDump({ database: 'shop' })), [1000])),
    name('shop'),
    { ...WHOLE, tables: ['orders', 'ordres'] },
  );
  const end = (async () => {
    for await (const _ of pieces);
  })();
  await t.rejects(end, { code: 'not-found', message: /^cannot restore ordres: shop has no such table or view/ });
  await t.rejects(expected, { code: 'not-found' });
});

t.test('of tables in lanes one comes whole, and the other one not at all', async (t) => {
  const tables = [
    {
      name: 'big',
      lanes: [[["(1,'a')"], ["(2,'b')"]], [["(3,'c')"]]],
      trigger: 'shop.tr BEFORE INSERT ON `shop`.big FOR EACH ROW SET @a=shop.f()',
    },
    { name: 'plain', lanes: [[["(9,'z')"]]] },
    { name: 'main', rows: [["(5,'m')"]] },
  ];
  const dump = () => {
    const { dump, laned } = lanedDump(tables, [50]);
    return mergeLanes(dump, laned);
  };
  const one = await select(dump(), 'shop', { tables: ['big'] });
  t.same(
    one.digests
      .filter(({ kind }) => kind !== 'switch')
      .map(({ kind, name, lane }) => [kind, name, lane])
      .sort(),
    [
      ['preamble', null, undefined],
      ['rows', 'big', 1],
      ['rows', 'big', 2],
      ['table', 'big', undefined],
      ['trailer', null, undefined],
      ['triggers', 'big', undefined],
    ],
  );
  t.same(one.text.match(/^\(.*\)/gm)?.sort(), ["(1,'a')", "(2,'b')", "(3,'c')"]);
  const renamed = await select(dump(), 'shop', { tables: ['big'], as: name('other') });
  t.match(renamed.text, 'TRIGGER `other`.tr BEFORE INSERT ON `other`.big FOR EACH ROW SET @a=shop.f()');
  const schema = await select(dump(), 'shop', { schemaOnly: true });
  t.notMatch(schema.text, 'INSERT INTO `');
  t.equal(schema.digests.filter(({ kind }) => kind === 'rows').length, 3);
  const all = await select(dump(), 'shop', {});
  t.same(all.text.match(/^\(.*\)/gm)?.length, 5);
});

t.test('what names the old database is found in bodies, and not in comments', async (t) => {
  const references = async (dump: NamedDump, tables: readonly string[] | null = null) => {
    const found = await findReferences(piecesOf(chunked(Buffer.from(namedDump(dump)), [100])), dump.database, tables);
    return found.map(({ kind, name }) => `${kind} ${name}`);
  };
  t.same(await references({ database: 'shop' }), [], 'neither in heads, nor where it is not a database');
  const all = ['trigger before', 'event nightly', 'routine f'];
  for (const body of [
    'SELECT * FROM shop.orders',
    'SELECT * FROM `SHOP` . orders',
    "PREPARE s FROM 'SELECT * FROM shop.orders'",
    "PREPARE s FROM 'DELETE FROM `shop`.`orders`'",
    'SELECT /*!50000 shop.orders */',
  ]) {
    t.same(await references({ database: 'shop', body }), all, body);
  }
  t.same(await references({ database: 'shop', body: 'SELECT * FROM shop.orders' }, ['orders']), ['trigger before']);
  for (const body of [
    'SELECT 1 /* shop.orders */',
    'SELECT 1 # shop.orders\n',
    'SELECT a.shop.orders',
    "SELECT 'workshop.orders', 'www.shop.example'",
    'SELECT workshop.a',
  ]) {
    t.same(await references({ database: 'shop', body }), [], body);
  }
  t.same(await references({ database: 'other' }), ['view v']);
});
