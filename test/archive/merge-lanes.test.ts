import fc from 'fast-check';
import t from 'tap';
import { DumpReader } from '../../lib/archive/dump-reader.ts';
import { mergeLanes } from '../../lib/archive/merge-lanes.ts';
import { asStage, type Bytes, type DumpStream } from '../../lib/model/stages.ts';
import { bytesOf, chunked, collect } from '../bytes.ts';
import {
  batchText,
  lanedDump,
  laneText,
  mainText,
  type SyntheticTable,
  structuresText,
} from '../fixture/laned-dump.ts';
import { until } from '../until.ts';

const FORGED = "a'';--\\n-- Dumping data for table `b`, lane 1 of 1\\n--\\n";
const TRIGGER = `tr BEFORE INSERT ON x FOR EACH ROW BEGIN
--
-- Dumping data for table \`forged\`, lane 1 of 1
--
--
-- Continuing table \`a\`
--
SET @x = '
--
-- Triggers of table \`forged\`
--
;'; END`;

const SHOP: readonly SyntheticTable[] = [
  { name: 'a', rows: [["(1,'x')", `(2,'${FORGED}')`], ['(3,NULL)']] },
  { name: 'b', lanes: [[['(1,NULL)'], ['(2,NULL)']], [], [['(3,NULL)', `(4,'${FORGED}')`]]], trigger: TRIGGER },
  { name: 'c', rows: [], trigger: TRIGGER },
  { name: 'd`\n, lane 1 of 2', lanes: [[['(9,NULL)']]] },
];

/** The text of each section, by kind, name and lane, in the order in which they open. */
function sectionsOf(dump: Bytes | Buffer, sizes = [65_536]) {
  const read = async () => {
    const reader = new DumpReader();
    const texts = new Map<string, string>();
    const take = (pieces: ReturnType<DumpReader['push']>) => {
      for (const { section, opens, bytes } of pieces) {
        const key = [section.kind, section.name, section.lane].filter((part) => part != null).join(' ');
        if (opens === texts.has(key)) throw new Error(`${key} opens twice, or not at all`);
        texts.set(key, (texts.get(key) ?? '') + bytes.toString('latin1'));
      }
    };
    for await (const chunk of Buffer.isBuffer(dump) ? chunked(dump, sizes) : dump) take(reader.push(chunk));
    take(reader.end());
    return { texts, tally: reader.tally, complete: reader.complete };
  };
  return read();
}

/** Every INSERT of a text whose values have no newline; throws when something stands inside of one. */
function insertsOf(text: string): string[] {
  const inserts: string[] = [];
  let open: string[] | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('INSERT INTO ')) {
      if (open) throw new Error(`an INSERT begins inside another one: ${line.slice(0, 60)}`);
      open = [];
    }
    if (!open) continue;
    if (open.length > 0 && !/^\(.*\)[,;]$/.test(line)) throw new Error(`inside an INSERT: ${line.slice(0, 60)}`);
    open.push(line.replace(/ VALUES$/, ''));
    if (!line.endsWith(';')) continue;
    inserts.push(open.join('\n'));
    open = undefined;
  }
  return inserts.sort();
}

const merged = ({ dump, laned }: ReturnType<typeof lanedDump>) => mergeLanes(dump, laned);

t.test('makes one dump, with the structure of each table before its rows and its triggers after them', async (t) => {
  const text = (await collect(merged(lanedDump(SHOP)))).toString('latin1');
  const { texts, tally, complete } = await sectionsOf(Buffer.from(text, 'latin1'));
  t.ok(complete);
  const odd = 'd`\n, lane 1 of 2';
  t.same(
    [...texts.keys()].sort(),
    [
      'preamble',
      'sequence s',
      'table b',
      `table ${odd}`,
      'table a',
      'table c',
      'rows b 1',
      'rows b 2',
      'rows b 3',
      `rows ${odd} 1`,
      'routines',
      'triggers b',
      'switch',
      'trailer',
    ].sort(),
  );
  t.match(tally.counts, { tables: 4, triggers: 2, sequences: 1 });
  t.ok(text.indexOf('CREATE SEQUENCE') < text.indexOf('CREATE TABLE'), 'a default may need the sequence');
  for (const name of ['b', 'd``\n, lane 1 of 2']) {
    t.ok(text.indexOf(`CREATE TABLE \`${name}\``) < text.indexOf(`INSERT INTO \`${name}\``));
    t.equal(text.split(`CREATE TABLE \`${name}\``).length, 2, 'only once');
  }
  const triggers = text.indexOf('-- Triggers of table `b`\n--\n\nDELIMITER');
  t.ok(triggers > text.lastIndexOf('INSERT INTO'));
  t.match(texts.get('triggers b'), 'TRIGGER tr BEFORE');
  t.match(texts.get('table a'), 'INSERT INTO `a`', 'without lanes all stays in the section of the table');
});

t.test('has one table after another where a program dumps several, each as if it were alone', async (t) => {
  const rows = (table: string) => Array.from({ length: 5 }, (_, n) => [`(${n},'${table.repeat(300_000)}')`]);
  const tables: readonly SyntheticTable[] = [
    { name: 'a', rows: rows('a') },
    { name: 'b', lanes: [rows('b')], batch: 'one', trigger: TRIGGER },
    { name: 'c', lanes: [[]], batch: 'one' },
    { name: 'd', lanes: [rows('d')], batch: 'one' },
    { name: 'e', lanes: [rows('e')], batch: 'two' },
    { name: 'f', lanes: [rows('f'), rows('f')] },
  ];
  for (const sizes of [[1], [7, 1, 4096], [65_536]]) {
    const small =
      sizes[0] === 1 ? tables.map((each) => ({ ...each, rows: [], lanes: each.lanes?.map(() => []) })) : tables;
    const shop = small.map(({ lanes, ...each }): SyntheticTable => (lanes ? { ...each, lanes } : each));
    const out = await collect(merged(lanedDump(shop, sizes)));
    const { texts, tally, complete } = await sectionsOf(out);
    t.ok(complete);
    t.match(tally.counts, { tables: 6, triggers: 1 });
    for (const { name, lanes = [] } of shop) {
      lanes.forEach((inserts, index) => {
        const raw = laneText(name, inserts).replace(name === 'f' ? '' : '-- WHERE:  a>0\n', '');
        const own = raw.slice(raw.indexOf('--\n-- Dumping data'), raw.indexOf('/*!40103 SET TIME_ZONE=@'));
        t.equal(texts.get(`rows ${name} ${index + 1}`), own, `table ${name}, in chunks of ${sizes.join(', ')}`);
      });
    }
  }
});

t.test('is split again in the same way when it arrives byte by byte', async (t) => {
  const out = await collect(merged(lanedDump(SHOP)));
  t.same(await sectionsOf(out, [1]), await sectionsOf(out));
});

t.test('never switches inside of an INSERT, and goes on with an interrupted table', async (t) => {
  const rows = (bytes: number) => Array.from({ length: 6 }, (_, n) => [`(${n},'${'x;'.repeat(bytes / 2)}')`]);
  const tables = [
    { name: 'a', rows: rows(400_000) },
    { name: 'b', lanes: [rows(2_000_000), rows(400_000), rows(1_500_000)] },
  ];
  const out = (await collect(merged(lanedDump(tables)))).toString('latin1');
  const all = [mainText(tables), ...(tables[1]?.lanes ?? []).map((each) => laneText('b', each))];
  t.ok(insertsOf(out).join('\n') === all.flatMap(insertsOf).sort().join('\n'));
  t.ok(out.includes('\n--\n-- Continuing table `a`\n--\nINSERT INTO `a`'), 'the table was interrupted');
  const { texts } = await sectionsOf(Buffer.from(out, 'latin1'));
  const own = mainText(tables);
  const section = own.slice(
    own.indexOf('--\n-- Table structure for table `a`'),
    own.indexOf('--\n-- Table structure for table `b`'),
  );
  t.ok(texts.get('table a') === section, 'and has the bytes that it has in the dump of its database');
});

t.test('has the same statements and sections however rows are split, arrive, and are cut', async (t) => {
  const text = fc.oneof(
    {
      weight: 20,
      arbitrary: fc
        .string({ unit: fc.constantFrom(...'ab`;-\\ (,'), maxLength: 40 })
        .map((each) => each.replaceAll('\\', '\\\\')),
    },
    { weight: 1, arbitrary: fc.constantFrom('x;'.repeat(400_000), 'y'.repeat(1_600_000)) },
  );
  const inserts = fc.array(
    fc.array(
      text.map((each) => `(1,'${each}')`),
      { minLength: 1, maxLength: 3 },
    ),
    { maxLength: 5 },
  );
  const table = fc.record({
    lanes: fc.option(fc.array(inserts, { minLength: 1, maxLength: 4 }), { nil: undefined }),
    batch: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
    rows: inserts,
  });
  const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 });
  const delays = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(table, { minLength: 1, maxLength: 4 }),
      sizes,
      delays,
      sizes,
      async (drawn, chunks, waits, cuts) => {
        const tables = drawn.map(({ lanes, batch, rows }, n): SyntheticTable => {
          const joins = lanes?.length === 1 && batch !== undefined;
          return { name: `t${n}`, rows, ...(lanes ? { lanes } : {}), ...(joins ? { batch } : {}) };
        });
        // Chunks of a few bytes would take for ever through a large row.
        const large = JSON.stringify(tables).length > 500_000;
        let turn = 0;
        const late = async function* (stream: Bytes): Bytes {
          for await (const chunk of stream) {
            for (let n = waits[turn++ % waits.length] ?? 0; n > 0; n -= 1)
              await new Promise((resolve) => setImmediate(resolve));
            yield chunk;
          }
        };
        const order = lanedDump(tables, large ? [65_536, ...chunks.map((size) => size * 50)] : chunks, late);
        const out = await collect(order.laned.lanes.length > 0 ? merged(order) : order.dump);
        const all = tables.flatMap(({ name, lanes, rows }) =>
          (lanes ?? [rows ?? []]).map((each) => laneText(name, each)),
        );
        t.same(insertsOf(out.toString('latin1')), all.flatMap(insertsOf).sort());
        const { texts, tally, complete } = await sectionsOf(out);
        t.ok(complete);
        t.equal(tally.counts.tables, tables.length);
        for (const { name, lanes, batch } of tables) {
          lanes?.forEach((rows, index) => {
            const raw = batch === undefined ? laneText(name, rows) : batchText([{ name, inserts: rows }]);
            const own = raw.slice(raw.indexOf('--\n-- Dumping data'), raw.indexOf('/*!40103 SET TIME_ZONE=@'));
            t.equal(texts.get(`rows ${name} ${index + 1}`), own, 'a lane has the bytes that its own dump has');
          });
        }
        if (!large) t.same((await sectionsOf(out, cuts)).texts, texts, 'in any chunks');
      },
    ),
    { numRuns: 30 },
  );
});

t.test('holds no more than a block of each dump, however large they are', async (t) => {
  const row = `(1,'${'x'.repeat(998)}')`;
  const insert = `INSERT INTO \`b\` VALUES\n${Array(1000).fill(row).join(',\n')};\n`;
  const read = [0, 0, 0];
  const endless = (text: string, index: number) =>
    asStage<DumpStream>(
      (async function* () {
        const at = text.indexOf('INSERT INTO');
        yield Buffer.from(text.slice(0, at));
        for (let n = 0; n < 100; n += 1) {
          for (let from = 0; from < insert.length; from += 65_536) {
            const chunk = Buffer.from(insert.slice(from, from + 65_536));
            read[index] = (read[index] ?? 0) + chunk.length;
            yield chunk;
          }
        }
        yield Buffer.from(text.slice(at + 'INSERT INTO `b` VALUES\n(1,NULL);\n'.length));
      })(),
    );
  const lane = laneText('b', [['(1,NULL)']]);
  const dump = asStage<DumpStream>(bytesOf(mainText([{ name: 'b', lanes: [] }])));
  const lanes = [0, 1, 2].map((index) => ({
    rows: [{ table: 'b', part: index + 1, parts: 3, where: `p${index}` }],
    stream: endless(lane, index),
  }));
  const structures = asStage<DumpStream>(bytesOf(structuresText(['b'])));
  let taken = 0;
  let most = 0;
  let apart = 0;
  for await (const chunk of mergeLanes(dump, { structures, lanes })) {
    taken += chunk.length;
    most = Math.max(most, read.reduce((sum, each) => sum + each, 0) - taken);
    if (Math.min(...read) < 90_000_000) apart = Math.max(apart, Math.max(...read) - Math.min(...read));
    if (taken > 20_000_000 && taken < 21_500_000) await new Promise((resolve) => setTimeout(resolve, 20)); // a slow reader
  }
  t.ok(taken > 300_000_000, `${taken} bytes`);
  t.comment(`${apart} bytes apart`);
  t.ok(most < 3 * 1_500_000, `at most ${most} bytes were held`);
  t.ok(apart < 10_000_000, `each has its turn: they were at most ${apart} bytes apart`);
});

t.test('goes on with the other dumps while one of them brings nothing', async (t) => {
  for (const slow of ['lane 1', 'main'] as const) {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const rows = Array.from({ length: 40 }, () => [`(1,'${'y'.repeat(100_000)}')`]);
    const tables = [
      { name: 'a', rows },
      { name: 'b', lanes: [rows, rows] },
    ];
    let lane = 0;
    const order = lanedDump(tables, [10_000], (stream, text) => {
      const which = text.includes('CREATE SEQUENCE') ? 'main' : `lane ${++lane}`;
      if (which !== slow || !text.includes('INSERT')) return stream;
      return (async function* () {
        let bytes = 0;
        for await (const chunk of stream) {
          bytes += chunk.length;
          if (bytes > 700_000) await gate;
          yield chunk;
        }
      })();
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      go();
    }, 10_000);
    for await (const chunk of merged(order)) {
      chunks.push(Buffer.from(chunk));
      bytes += chunk.length;
      if (bytes > 8_000_000) go(); // all of the other two
    }
    clearTimeout(timer);
    t.ok(bytes > 12_000_000);
    const end = Buffer.concat(chunks).subarray(-60).toString();
    t.match(end, /-- Dump completed on [^\n]*\n$/, 'the trailer comes last');
    t.notOk(late, `while ${slow} brought nothing`);
  }
});

/** The code with which a merge is refused. */
async function refusal(change: (stream: Bytes, text: string) => Bytes, tables = SHOP) {
  try {
    await collect(merged(lanedDump(tables, [999], change)));
    return null;
  } catch (error) {
    return error as { code: string; message: string; hint: string };
  }
}

const replaced = (only: RegExp, from: string | RegExp, to: string) => (stream: Bytes, text: string) =>
  only.test(text) ? bytesOf(text.replace(from, to)) : stream;
const MAIN = /CREATE SEQUENCE/;
const LANE_3 = /\(3,NULL\),\n\(4/;

t.test('fails when any of the dumps fails or lacks its end', async (t) => {
  for (const only of [MAIN, LANE_3]) {
    const failing = (stream: Bytes, text: string): Bytes =>
      !only.test(text)
        ? stream
        : (async function* () {
            yield Buffer.from(text.slice(0, -200));
            throw new Error('the server went away');
          })();
    t.match(await refusal(failing), { message: 'the server went away' });
    for (const cut of [1, 60, 300, 500]) {
      const cutting = (stream: Bytes, text: string) => (only.test(text) ? bytesOf(text.slice(0, -cut)) : stream);
      if (cut > 1) t.match(await refusal(cutting), { code: 'dump-failed' }, `${only} lacks ${cut} bytes`);
    }
    t.match(await refusal((stream, text) => (only.test(text) ? bytesOf() : stream)), { code: 'dump-failed' });
  }
});

t.test('fails when a table was changed between the dump and its lanes', async (t) => {
  const altered = { code: 'schema-changed', message: /the table b: it was changed/, hint: /schema change/ };
  t.match(await refusal(replaced(LANE_3, '`b` text\n', '`b` longtext\n')), altered, 'in one lane');
  t.match(
    await refusal(replaced(/^(?!.*CREATE SEQUENCE).*TABLE `b`/s, '`b` text\n', '`b` longtext\n')),
    altered,
    'in all lanes',
  );
  t.match(await refusal(replaced(MAIN, /(TABLE `b`[^;]*)ENGINE=InnoDB/, '$1ENGINE=Aria')), altered, 'in the dump');
  t.match(
    await refusal(
      replaced(MAIN, /--\n-- Table structure for table `b`.*(?=--\n-- Table structure for table `c`)/s, ''),
    ),
    altered,
    'dropped',
  );
  const numbered = (_: Bytes, text: string) =>
    bytesOf(text.replace('ENGINE=InnoDB', `ENGINE=InnoDB AUTO_INCREMENT=${LANE_3.test(text) ? 7 : 8}`));
  t.equal(await refusal(numbered), null, 'but the next number may be another one');
});

t.test('refuses dumps that do not fit together', async (t) => {
  const failed = { code: 'dump-failed' };
  const data = '\n--\n-- Dumping data for table `b`\n--\n\nINSERT INTO `b` VALUES\n(1,NULL);\n';
  t.match(await refusal(replaced(MAIN, /(TABLE `b`.*?utf8mb4;\n)/s, `$1${data}`)), {
    ...failed,
    message: /its rows are in the dump/,
  });
  t.match(await refusal(replaced(MAIN, /\n--\n-- Dumping data for table `c`.*?ENABLE KEYS \*\/;\n/s, '')), {
    ...failed,
    message: /the table c: its rows are in no dump/,
  });
  const twin = [...SHOP, { name: 'B', lanes: [[]] }];
  const { dump, laned } = lanedDump(twin);
  await t.rejects(collect(mergeLanes(dump, { ...laned, lanes: laned.lanes.slice(0, -1) })), {
    ...failed,
    message: /the table B: its rows are in no dump/,
  });
  t.match(await refusal(replaced(LANE_3, 'utf8mb4 */', 'latin1 */')), { ...failed, message: /other settings/ });
  t.match(await refusal(replaced(LANE_3, "'+00:00'", "'SYSTEM'")), { ...failed, message: /other settings/ });
  t.match(await refusal(replaced(LANE_3, /structure for table `b`/, 'structure for table `c`')), failed);
  t.match(
    await refusal(
      replaced(
        LANE_3,
        '/*!40103 SET TIME_ZONE=@',
        '--\n-- Table structure for table `x`\n--\n/*!40103 SET TIME_ZONE=@',
      ),
    ),
    failed,
  );
  t.match(
    await refusal(replaced(LANE_3, /\n--\n-- Dumping data.*ENABLE KEYS \*\/;\n/s, '')),
    failed,
    'a lane without the part for rows',
  );
  for (const wrong of [[], laned.lanes.slice(0, 2), [...laned.lanes, ...laned.lanes.slice(0, 1)]]) {
    const order = lanedDump(SHOP);
    const lanes = wrong.length === 0 ? [{ rows: [], stream: order.dump }] : wrong;
    await t.rejects(collect(mergeLanes(order.dump, { ...order.laned, lanes })), { code: 'unexpected' });
  }
});

t.test('leaves every dump when its reader leaves', async (t) => {
  let left = 0;
  const watched = async function* (stream: Bytes): Bytes {
    try {
      yield* stream;
      for (;;) yield Buffer.from('\n');
    } finally {
      left += 1;
    }
  };
  const order = lanedDump(SHOP, [50], watched);
  for await (const _ of merged(order)) break;
  await until('every dump is left', () => left >= 6);
  t.equal(left, 6);
});
