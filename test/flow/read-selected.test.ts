import t from 'tap';
import { archiveDump } from '../../lib/archive/archive-stream.ts';
import { chooseCompressor } from '../../lib/archive/compressor.ts';
import type { SectionDigest } from '../../lib/archive/digests.ts';
import { DumpReader } from '../../lib/archive/dump-reader.ts';
import { findReferences } from '../../lib/archive/find-references.ts';
import { openArchive } from '../../lib/archive/open-archive.ts';
import type { Piece } from '../../lib/archive/piece.ts';
import { selectPieces, withLaneConditions } from '../../lib/archive/select-pieces.ts';
import { execute, queryLines } from '../../lib/database/client.ts';
import { dumpDatabase, dumpLane, dumpStructures } from '../../lib/database/dump-database.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { quoteIdentifier } from '../../lib/database/sql-text.ts';
import { compareSections } from '../../lib/flow/compare-content.ts';
import { explainDifferences } from '../../lib/flow/explain-differences.ts';
import { readTableNames, takeBackStatement } from '../../lib/flow/join-database.ts';
import { readSelected } from '../../lib/flow/read-selected.ts';
import type { DatabaseName } from '../../lib/model/names.ts';
import { type Selection, WHOLE } from '../../lib/model/selection.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import { runSql, serverFor } from '../fixture/servers.ts';
import { TYPE_TORTURE } from '../fixture/type-torture.sql.ts';

t.setTimeout(300_000);
const LIMITS = { extra: ['--max-allowed-packet=1G', '--character-set-server=utf8mb4'] };
const [source, target] = await Promise.all([serverFor(t, LIMITS), serverFor(t, LIMITS)]);
const name = (text: string) => text as DatabaseName;

const OWN = `
CREATE USER 'old'@'%', 'o\`ld "er'@'10.%'; CREATE ROLE writers; GRANT writers TO root@localhost;
CREATE DATABASE crm; CREATE TABLE crm.people (id INT PRIMARY KEY); 
CREATE DATABASE market; USE market;
CREATE SEQUENCE numbers START WITH 100; CREATE SEQUENCE unused;
CREATE TABLE orders (id BIGINT PRIMARY KEY DEFAULT NEXTVAL(market.numbers), shop TEXT DEFAULT '\`market\`.\`numbers\`', KEY (shop(10)));
CREATE TABLE parts (id INT PRIMARY KEY, parent BIGINT, FOREIGN KEY (parent) REFERENCES orders (id));
INSERT INTO orders (shop) SELECT CONCAT('USE \`market\`;', seq) FROM seq_1_to_50; INSERT INTO parts SELECT seq, 99 + seq FROM seq_1_to_50;
CREATE VIEW brief AS SELECT market.orders.id FROM market.orders;
CREATE DEFINER='old'@'%' SQL SECURITY DEFINER VIEW fully AS SELECT p.id FROM crm.people p;
CREATE DEFINER=writers VIEW byrole AS SELECT 1 AS x;
DELIMITER //
CREATE DEFINER='o\`ld "er'@'10.%' TRIGGER market.stamped BEFORE INSERT ON market . orders FOR EACH ROW /* market.orders */ SET NEW.shop = 'shop'//
CREATE DEFINER=writers TRIGGER second BEFORE INSERT ON orders FOR EACH ROW FOLLOWS stamped SET @a = 1//
CREATE DEFINER='old'@'%' PROCEDURE market.p(IN a DECIMAL(10,2), b ENUM(')','x')) MODIFIES SQL DATA COMMENT 'it''s (' BEGIN SELECT a; END//
CREATE DEFINER='old'@'%' FUNCTION f() RETURNS ENUM('a)','b') DETERMINISTIC RETURN 'b'//
CREATE FUNCTION g() RETURNS INT SQL SECURITY INVOKER RETURN 1//
CREATE AGGREGATE FUNCTION total(x INT) RETURNS INT BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN 1; LOOP FETCH GROUP NEXT ROW; END LOOP; END//
CREATE DEFINER='old'@'%' EVENT market.e ON SCHEDULE EVERY '1:30' MINUTE_SECOND STARTS '2030-01-01 00:00:00' ENDS '2031-01-01 00:00:00' DO SELECT 1//
CREATE EVENT once ON SCHEDULE AT '2036-01-01 00:00:00' ON COMPLETION PRESERVE COMMENT 'ENABLE' DO SELECT 2//
CREATE EVENT slave ON SCHEDULE EVERY 1 DAY DISABLE ON SLAVE DO SELECT 3//
DELIMITER ;
ALTER DATABASE market CHARACTER SET latin1;
`;
const [ODD = ''] = /CREATE DATABASE features;[\s\S]*?(?=CREATE DATABASE `we)/.exec(TYPE_TORTURE) ?? [];
await runSql(source, ODD);
await runSql(source, OWN);
await runSql(
  target,
  `CREATE USER 'old'@'%', 'o\`ld "er'@'10.%', 'new'@'%'; CREATE ROLE writers; GRANT writers TO root@localhost;
   CREATE DATABASE crm; CREATE TABLE crm.people (id INT PRIMARY KEY);`,
);

async function* piecesOf(dump: Bytes): AsyncGenerator<Piece> {
  const reader = new DumpReader({ splitsTables: true });
  for await (const chunk of dump) yield* reader.push(chunk);
  yield* reader.end();
}

/** Loads a selection into the other server, and says how that differs from what was expected. */
async function load(database: string, changes: Partial<Selection>) {
  return await loadPieces(piecesOf(await dumpDatabase(source.root, name(database))), database, changes);
}

async function loadPieces(
  dump: AsyncIterable<Piece>,
  database: string,
  changes: Partial<Selection>,
  sealed: () => Promise<readonly SectionDigest[]> = async () => [],
) {
  const selection = { ...WHOLE, ...changes };
  const { pieces, expected, counts } = selectPieces(dump, name(database), selection);
  async function* sql(): Bytes {
    for await (const { bytes } of pieces) yield bytes;
  }
  await loadSql(target.root, sql(), database);
  const sections = withLaneConditions(await expected, await sealed());
  const found = await readSelected(target.root, name(selection.as ?? database), sections, selection);
  return { differences: compareSections(sections, found), counts: await counts, sections };
}

const drop = (database: string) => execute(target.root, `DROP DATABASE ${quoteIdentifier(database)}`);
const AS = name('a `new; -- one');

const SELECTIONS: Readonly<Record<string, Partial<Selection>>> = {
  'without rows': { schemaOnly: true },
  'under another name, with the rights of the invoker and its events disabled': {
    as: AS,
    definer: { kind: 'invoker' },
    events: 'disabled',
  },
  'with other definers': {
    definer: {
      kind: 'map',
      accounts: new Map([
        ['old@%', 'new@%'],
        ['o`ld "er@10.%', 'writers'],
        ['writers', 'new@%'],
      ]),
    },
  },
};

for (const [how, changes] of Object.entries(SELECTIONS)) {
  t.test(`databases with everything come ${how}, and their dump is what was expected`, async (t) => {
    for (const database of ['market', 'bodies', 'features']) {
      const { differences } = await load(database, changes);
      t.same(differences, [], database);
      await drop(changes.as ?? database);
    }
  });
}

t.test('under another name a dump means the new one alone', async (t) => {
  await load('market', { as: AS, definer: { kind: 'invoker' }, events: 'disabled' });
  const show = async (what: string) =>
    (await queryLines(target.root, `USE ${quoteIdentifier(AS)}; SHOW CREATE ${what}`)).join();
  t.match(await show('TABLE orders'), 'DEFAULT nextval(`a ``new; -- one`.`numbers`)');
  t.match(await show('TABLE orders'), "DEFAULT '`market`.`numbers`'");
  t.match(
    await show('TRIGGER stamped'),
    'TRIGGER `a ``new; -- one`.stamped BEFORE INSERT ON `a ``new; -- one` . orders FOR',
  );
  t.match(await show('VIEW fully'), 'DEFINER=`root`@`localhost` SQL SECURITY INVOKER VIEW');
  t.match(await show('FUNCTION total'), /int\(11\)\\n {4}SQL SECURITY INVOKER\\nBEGIN/);
  t.same(await queryLines(target.root, 'SELECT EVENT_NAME, STATUS FROM information_schema.EVENTS ORDER BY 1'), [
    'e\tDISABLED',
    'once\tDISABLED',
    'slave\tSLAVESIDE_DISABLED',
  ]);
  await execute(target.root, `INSERT INTO ${quoteIdentifier(AS)}.orders (shop) VALUES ('x')`);
  await drop(AS);
});

t.test('a table that was gone comes back into its database, and what is there stays', async (t) => {
  await load('market', {});
  await execute(
    target.root,
    'SET foreign_key_checks=0; USE market; DO SETVAL(numbers, 5000); DROP TABLE orders; DROP VIEW brief; DELETE FROM parts WHERE id > 10',
  );
  const { differences, counts } = await load('market', { tables: ['orders', 'brief'], leaves: ['numbers', 'unused'] });
  t.same(differences, []);
  t.match(counts, { tables: 1, views: 1, triggers: 2, sequences: 0, routines: 0, events: 0 });
  t.same(
    await queryLines(
      target.root,
      'SELECT (SELECT COUNT(*) FROM market.orders), (SELECT COUNT(*) FROM market.parts), NEXTVAL(market.numbers) > 5000',
    ),
    ['50\t10\t1'],
  );
  await execute(target.root, takeBackStatement('market', ['orders', 'brief']));
  t.same(
    (await readTableNames(target.root, 'market')).map(({ name }) => name).sort(),
    ['byrole', 'fully', 'numbers', 'parts', 'unused'],
    'and goes again where its load was cut short',
  );
  await drop('market');
});

t.test('tables that were dumped in lanes come the same ways, and are dumped in lanes again', async (t) => {
  const halves = ['`id`<125', '`id`>=125'].map((where, index) => [
    { table: 'orders', part: index + 1, parts: 2, where },
  ]);
  const lanes = [...halves, [{ table: 'parts', part: 1, parts: 1, where: null }]];
  const laned = ['orders', 'parts'];
  for (const changes of [
    { as: AS, definer: { kind: 'invoker' } },
    { schemaOnly: true },
    { tables: ['orders'], as: AS },
    { tables: ['parts'], schemaOnly: true },
  ] satisfies Partial<Selection>[]) {
    const { stream } = archiveDump(
      await dumpDatabase(source.root, name('market'), laned),
      {
        structures: await dumpStructures(source.root, name('market'), laned),
        lanes: await Promise.all(lanes.map((rows) => dumpLane(source.root, name('market'), rows))),
      },
      await chooseCompressor('auto'),
    );
    const opened = openArchive(stream);
    const { differences, sections } = await loadPieces(
      opened.pieces,
      'market',
      changes,
      async () => (await opened.digests).sections,
    );
    t.same(differences, [], JSON.stringify(changes));
    t.same(
      sections
        .filter(({ kind }) => kind === 'rows')
        .map(({ name, lane, where }) => [name, lane, where])
        .sort(),
      [
        ['orders', 1, '`id`<125'],
        ['orders', 2, '`id`>=125'],
        ['parts', 1, null],
      ].filter(([table]) => !('tables' in changes) || changes.tables?.includes(String(table))),
    );
    await execute(target.root, `DROP DATABASE ${quoteIdentifier('as' in changes ? AS : 'market')}`);
  }
});

t.test('what differs is said by object, with rows counted', async (t) => {
  await load('market', {});
  await execute(
    target.root,
    `USE market; DELETE FROM parts WHERE id IN (3, 4, 5); UPDATE orders SET shop = 'other' WHERE id = 101; DROP TRIGGER second; DROP FUNCTION g;
     CREATE OR REPLACE VIEW brief AS SELECT 1 AS id; CREATE TABLE more (a INT); ALTER EVENT once COMMENT 'changed'; DO NEXTVAL(unused);`,
  );
  const pieces = async (connection: typeof target.root) => piecesOf(await dumpDatabase(connection, name('market')));
  const explained = await explainDifferences(await pieces(source.root), await pieces(target.root));
  t.match(explained, { tables: 2, rows: 100 });
  t.strictSame([...explained.differences].sort(), [
    'the routine `g` is missing',
    'the table `more` was not in the backup',
    'the table `parts` has 3 rows fewer than in the backup: 47 and not 50',
    'the trigger `second` is missing',
  ]);
  t.strictSame([...explained.otherwiseWritten].sort(), [
    'the event `once` is made in another way',
    'the sequence `unused` is made in another way',
    'the table `orders` has as many rows as in the backup, 50, and some of them differ',
    'the view `brief` is made in another way',
  ]);
  await drop('market');
});

t.test('what names its own database in full is told, and heads are not', async (t) => {
  const dump = async (database: string) => piecesOf(await dumpDatabase(source.root, name(database)));
  t.same(await findReferences(await dump('market'), 'market', null), []);
  await runSql(
    source,
    `USE market; CREATE VIEW mixed AS SELECT o.id FROM orders o JOIN crm.people p ON p.id = o.id;
DELIMITER //
     CREATE PROCEDURE named() BEGIN DELETE FROM market.orders; END//
     CREATE EVENT dynamic ON SCHEDULE EVERY 1 DAY DO EXECUTE IMMEDIATE 'DELETE FROM market.orders'//`,
  );
  t.same(await findReferences(await dump('market'), 'market', null), [
    { kind: 'event', name: 'dynamic' },
    { kind: 'routine', name: 'named' },
    { kind: 'view', name: 'mixed' },
  ]);
  await runSql(target, 'CREATE DATABASE market; CREATE TABLE market.orders (id BIGINT PRIMARY KEY)');
  t.same((await load('market', { as: AS })).differences, [], 'and it can be loaded all the same');
  t.same(
    await queryLines(target.root, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'market'`),
    ['orders'],
  );
  await drop(AS);
});
