import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { archiveDump } from '../../lib/archive/archive-stream.ts';
import { chooseCompressor } from '../../lib/archive/compressor.ts';
import { openArchive } from '../../lib/archive/open-archive.ts';
import { execute, queryLines } from '../../lib/database/client.ts';
import type { Connection } from '../../lib/database/connection.ts';
import { dumpDatabase, dumpLane, dumpStructures } from '../../lib/database/dump-database.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { DeferredKeys } from '../../lib/flow/deferred-keys.ts';
import { LoadBudget } from '../../lib/flow/load-budget.ts';
import { loadDump, loadHeld } from '../../lib/flow/load-dump.ts';
import type { Lane, LanedTables } from '../../lib/model/lanes.ts';
import type { DatabaseName } from '../../lib/model/names.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import { run } from '../../lib/system/command.ts';
import { bytesOf, collect } from '../bytes.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const SHOP = 'sh op' as DatabaseName;
const LIMITS = { extra: ['--max-allowed-packet=1G', '--character-set-server=utf8mb4'] };
const ODD = 'o`d\nd';

const DATA = `
CREATE DATABASE \`sh op\`; USE \`sh op\`;
CREATE SEQUENCE numbers START WITH 1000;
CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(30));
CREATE TABLE fired (t TEXT);
CREATE TABLE big (
  id INT PRIMARY KEY AUTO_INCREMENT, customer INT, number BIGINT DEFAULT NEXTVAL(numbers), body LONGTEXT, at TIMESTAMP NULL,
  twice INT AS (customer * 2) VIRTUAL, label VARCHAR(40) AS (CONCAT('x;', customer)) STORED, day DATE, raw BLOB, KEY (customer),
  FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE
) COMMENT='--\\n-- Dumping data for table \`big\`, lane 1 of 3\\n--\\n;';
CREATE TABLE alpha (id INT PRIMARY KEY, big INT, FOREIGN KEY (big) REFERENCES big (id));
CREATE TABLE \`${ODD.replace('`', '``')}\` (id INT PRIMARY KEY, t TEXT);
CREATE TABLE versioned (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
CREATE TABLE plain (id INT PRIMARY KEY, body LONGTEXT);
CREATE VIEW aa AS SELECT id, label FROM big;
INSERT INTO customer SELECT seq, CONCAT('c', seq) FROM seq_1_to_50;
SET sql_mode='', time_zone='+05:00';
INSERT INTO big (customer, body, at, day, raw)
  SELECT 1 + seq % 50, REPEAT(CONCAT(seq, ' it''s\\n--\\n-- Dumping data for table \`big\`, lane 2 of 3\\n--\\n;ü '), 40),
    '2026-01-01' + INTERVAL seq MINUTE, IF(seq % 7, '2026-00-00', NULL), UNHEX(CONCAT('00ff275c0a', HEX(seq))) FROM seq_1_to_2000;
INSERT INTO big (customer, body) VALUES (1, REPEAT('large; ', 200000));
UPDATE big SET id = 0 WHERE id = 17;
ALTER TABLE big AUTO_INCREMENT = 90000;
SET sql_mode=DEFAULT;
INSERT INTO alpha SELECT seq, seq + 100 FROM seq_1_to_200;
INSERT INTO \`${ODD.replace('`', '``')}\` SELECT seq, REPEAT('y', 500) FROM seq_1_to_1000;
INSERT INTO versioned VALUES (1,1); UPDATE versioned SET v = 2;
INSERT INTO plain SELECT seq, REPEAT('z', 2000) FROM seq_1_to_300;
DELIMITER $$
CREATE TRIGGER big_in BEFORE INSERT ON big FOR EACH ROW BEGIN
--
-- Continuing table \`big\`
--
INSERT INTO fired VALUES ('big'); END$$
CREATE TRIGGER big_out AFTER DELETE ON big FOR EACH ROW INSERT INTO fired VALUES ('gone')$$
CREATE TRIGGER alpha_in BEFORE INSERT ON alpha FOR EACH ROW INSERT INTO fired VALUES ('alpha')$$
CREATE PROCEDURE p() BEGIN
--
-- Dumping data for table \`big\`, lane 1 of 3
--
SELECT 1; END$$
CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO SELECT 1$$
DELIMITER ;
`;

const BIG = ['`id`<500', '`id`>=500 AND `id`<1500', '`id`>=1500'];
/** The large table in parts; two others, one of them with an odd name, by one program. */
const LANES = [
  ...BIG.map((where, index) => [{ table: 'big', part: index + 1, parts: 3, where }]),
  ['plain', ODD].map((table) => ({ table, part: 1, parts: 1, where: null })),
];
const LANED = ['big', 'plain', ODD];

async function lanedOf(connection: Connection): Promise<LanedTables> {
  return {
    structures: await dumpStructures(connection, SHOP, LANED),
    lanes: await Promise.all(LANES.map((rows) => dumpLane(connection, SHOP, rows))),
  };
}

async function archiveOf(connection: Connection) {
  const dump = await dumpDatabase(connection, SHOP, LANED);
  const { stream, summary } = archiveDump(dump, await lanedOf(connection), await chooseCompressor('auto'));
  const bytes = await collect(stream);
  return { bytes, summary: await summary };
}

const checksums = (connection: Connection) =>
  queryLines(
    connection,
    `CHECKSUM TABLE \`sh op\`.big, \`sh op\`.alpha, \`sh op\`.customer, \`sh op\`.plain, \`sh op\`.versioned,
     \`sh op\`.\`${ODD.replace('`', '``')}\` EXTENDED`,
  );

/** Digest of the set of rows that a dump holds: a row is a line, because mariadb-dump escapes newlines. */
function rowsDigest(sql: Buffer): string {
  const rows = sql.toString('latin1').match(/^\(.*\)(?=[,;]$)/gm) ?? [];
  return `${rows.length} ${createHash('sha256').update(rows.sort().join('\n')).digest('hex')}`;
}

t.test('a database dumped in lanes comes back whole, and is compared lane by lane', { timeout: 350_000 }, async (t) => {
  const [source, target] = await Promise.all([serverFor(t, LIMITS), serverFor(t, LIMITS)]);
  await runSql(source, DATA);
  const { bytes, summary } = await archiveOf(source.root);
  t.match(summary.counts, { tables: 7, views: 1, sequences: 1, routines: 1, triggers: 3, events: 1 });
  const opened = openArchive(bytesOf(bytes));
  const sql = await collect(opened.sql);
  const { sections, largestStatementBytes } = await opened.digests;
  t.same(sections, summary.sections);
  t.same(
    sections
      .filter(({ kind }) => kind === 'rows')
      .map(({ name, lane, where }) => [name, lane, where])
      .sort(),
    LANES.flatMap((lane) => lane.map(({ table, part, where }) => [table, part, where])).sort(),
  );
  t.ok(largestStatementBytes > 1_400_000 && largestStatementBytes < 1_500_000, `${largestStatementBytes}`);
  const whole = await collect(await dumpDatabase(source.root, SHOP));
  t.equal(rowsDigest(sql), rowsDigest(whole), 'has the very rows of the dump without lanes');

  const checks = await checksums(source.root);
  const before = await readContent(source.root, [SHOP]);
  for (const connections of [1, 3]) {
    await t.test(`over ${connections} connections, as a restore does`, async (t) => {
      const read = openArchive(bytesOf(bytes));
      const rest = await loadDump(read.pieces, {
        ...{
          target: target.root,
          database: SHOP,
          budget: new LoadBudget(connections - 1),
          deferred: new DeferredKeys(),
        },
        ...{ lateKeysBytes: 100_000, signal: new AbortController().signal },
      });
      await loadHeld(target.root, SHOP, rest.preamble, rest.views);
      await loadHeld(target.root, SHOP, rest.preamble, rest.events);
      t.same(await checksums(target.root), checks);
      t.same(await queryLines(target.root, 'SELECT COUNT(*) FROM `sh op`.fired'), ['0'], 'no trigger was fired');
      const expected = new Map([[SHOP, sections]]);
      t.same(compareContent(expected, await readContent(target.root, [SHOP], expected)), []);
      await execute(target.root, 'DROP DATABASE `sh op`');
    });
  }
  await t.test('through the client of a restore', async (t) => {
    await loadSql(target.root, openArchive(bytesOf(bytes)).sql, SHOP);
    t.same(await checksums(target.root), checks);
    t.same(await queryLines(target.root, 'SELECT COUNT(*) FROM `sh op`.fired'), ['0'], 'no trigger was fired');
    t.same(
      compareContent(before, await readContent(target.root, [SHOP])),
      [],
      'a dump without lanes finds all the same',
    );
    const expected = new Map([[SHOP, sections]]);
    const found = await readContent(target.root, [SHOP], expected);
    t.same(compareContent(expected, found), []);
    t.ok((found.get(SHOP) ?? []).some(({ lane }) => lane === 3));
  });
  await t.test('and every change is found, and where', async (t) => {
    const expected = new Map([[SHOP, sections]]);
    // Each with what takes it back; the last one needs nothing.
    const changes: readonly (readonly [string, string, string])[] = [
      [
        "UPDATE `sh op`.big SET day = '2026-01-02' WHERE id = 1401",
        "UPDATE `sh op`.big SET day = '2026-00-00' WHERE id = 1401",
        'lane 2 of the table big differs',
      ],
      [
        'INSERT INTO `sh op`.customer VALUES (99, NULL)',
        'DELETE FROM `sh op`.customer WHERE id = 99',
        'the table customer differs',
      ],
      ['DROP TRIGGER `sh op`.big_out', 'DO 0', 'the triggers of the table big differs'],
    ];
    for (const [change, undo, difference] of changes) {
      await execute(target.root, `SET sql_mode=''; ${change}`);
      const found = compareContent(expected, await readContent(target.root, [SHOP], expected));
      t.same(found, [`${SHOP}: ${difference}`]);
      await execute(target.root, `SET sql_mode=''; ${undo}`);
    }
  });
  await t.test('and with nothing but tar and the client', async (t) => {
    const file = `${t.testdir({})}/shop.tar.gz`;
    writeFileSync(file, bytes);
    await execute(target.root, 'DROP DATABASE `sh op`');
    const command = 'tar xzOf "$1" | mariadb --no-defaults --user=root --max-allowed-packet=1G --socket="$2"';
    const { exitCode, stderr } = await run('bash', ['-o', 'pipefail', '-c', command, 'sh', file, target.socket]);
    t.same({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    t.same(await checksums(target.root), checks);
  });
  await t.test('but not when a table is changed meanwhile, or has a twin', async (t) => {
    const compressor = await chooseCompressor('zlib');
    const refused = async (dump: Parameters<typeof archiveDump>[0], laned: LanedTables, message: RegExp) => {
      const { stream, summary } = archiveDump(dump, laned, compressor);
      const code = message.test('the table big: it was changed, the table plain: it was changed')
        ? 'schema-changed'
        : 'dump-failed';
      await t.rejects(collect(stream), { code, message });
      await t.rejects(summary, { code, message });
    };
    const own = () => dumpDatabase(source.root, SHOP, LANED);
    const early = await heldLanes(await lanedOf(source.root));
    await execute(source.root, 'ALTER TABLE `sh op`.big CHANGE day date DATE');
    await refused(await own(), early, /the table big: it was changed/);
    await execute(source.root, 'ALTER TABLE `sh op`.big CHANGE date day DATE');
    const before = await heldLanes(await lanedOf(source.root));
    await execute(source.root, 'ALTER TABLE `sh op`.plain COMMENT "changed"');
    await refused(await own(), before, /the table plain: it was changed/);
    await execute(source.root, 'ALTER TABLE `sh op`.plain COMMENT ""');
    await execute(source.root, 'CREATE TABLE `sh op`.BIG (a INT PRIMARY KEY); INSERT INTO `sh op`.BIG VALUES (1)');
    await refused(await own(), await lanedOf(source.root), /the table BIG: its rows are in no dump/);
    await refused(
      await dumpDatabase(source.root, SHOP),
      await lanedOf(source.root),
      /its rows are in the dump of its database, too/,
    );
  });
});

/** All of it, read now, to be read later. */
async function heldLanes({ structures, lanes }: LanedTables): Promise<LanedTables> {
  const [kept, ...others] = await Promise.all([held(structures), ...lanes.map(heldLane)] as const);
  return { structures: kept, lanes: others };
}

async function heldLane(lane: Lane): Promise<Lane> {
  return { ...lane, stream: await held(lane.stream) };
}

async function held(stream: Bytes): Promise<Lane['stream']> {
  return bytesOf(await collect(stream)) as Lane['stream'];
}
