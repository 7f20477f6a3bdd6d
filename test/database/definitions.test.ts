import t from 'tap';
import { query } from '../../lib/database/client.ts';
import { changedDefinitions, madeDefinitions, readDefinitions } from '../../lib/database/definitions.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { sleep } from '../../lib/system/clock.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const shop = DatabaseName.parse('shop');
const other = DatabaseName.parse('other');
const TABLES = ['kept', 'wider', 'narrower', 'rebuilt', 'one', 'two', 'away', 'gone'];
const SCHEMA = `CREATE DATABASE shop; CREATE DATABASE other; USE shop;
${TABLES.map((name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, n INT);`).join('\n')}
CREATE TABLE mine (x INT) ENGINE=MyISAM; CREATE SEQUENCE numbers; CREATE TABLE other.theirs (id INT PRIMARY KEY);
CREATE TABLE \`months #1/2\` (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (9));
CREATE TABLE month (id INT PRIMARY KEY); CREATE TABLE emptied (id INT PRIMARY KEY); CREATE TABLE imported (id INT); CREATE TABLE searched (a TEXT, FULLTEXT (a));
CREATE VIEW v AS SELECT id FROM kept; CREATE TRIGGER tr BEFORE INSERT ON kept FOR EACH ROW SET NEW.n = 1;
CREATE PROCEDURE p() SELECT 1; CREATE PROCEDURE both_ways() SELECT 1; CREATE FUNCTION both_ways() RETURNS INT RETURN 1;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1; CREATE EVENT f ON SCHEDULE EVERY 1 DAY DO SELECT 1;
`;

const HARMLESS = `INSERT INTO kept VALUES (1, 1); INSERT INTO searched VALUES ('word'); UPDATE kept SET n = 2; ANALYZE TABLE kept; DO NEXTVAL(numbers);
CREATE TABLE new (id INT); CREATE DATABASE third; ALTER TABLE other.theirs COMMENT 'another database'`;

/** What is done, and what is said of it. */
const CHANGES: readonly (readonly [string, string])[] = [
  ['ALTER TABLE wider ADD COLUMN z INT, ALGORITHM=INSTANT', 'the table `shop`.`wider` was changed'],
  ['ALTER TABLE narrower DROP COLUMN n, ALGORITHM=INSTANT', 'the table `shop`.`narrower` was changed'],
  ['ALTER TABLE rebuilt FORCE', 'the table `shop`.`rebuilt` was changed'],
  ['RENAME TABLE one TO tmp, two TO one', 'the table `shop`.`one` was changed'],
  ['RENAME TABLE tmp TO two', 'the table `shop`.`two` was changed'],
  ['RENAME TABLE away TO elsewhere', 'the table `shop`.`away` was dropped or renamed'],
  ['ALTER TABLE `months #1/2` EXCHANGE PARTITION p0 WITH TABLE month', 'the table `shop`.`months #1/2` was changed'],
  ['DO 1', 'the table `shop`.`month` was changed'],
  ['ALTER TABLE imported DISCARD TABLESPACE', 'the table `shop`.`imported` was changed'],
  ['TRUNCATE TABLE emptied', 'the table `shop`.`emptied` was changed'],
  ['ALTER TABLE mine ADD y INT', 'the table `shop`.`mine` was changed'],
  ['DROP TABLE gone', 'the table `shop`.`gone` was dropped or renamed'],
  ['CREATE OR REPLACE VIEW v AS SELECT n FROM kept', 'the view `shop`.`v` was changed'],
  ['CREATE VIEW w AS SELECT n FROM kept', 'the view `shop`.`w` was made'],
  [
    'CREATE OR REPLACE TRIGGER tr BEFORE INSERT ON kept FOR EACH ROW SET NEW.n = 2',
    'the trigger `shop`.`tr` was changed',
  ],
  ['CREATE OR REPLACE FUNCTION both_ways() RETURNS INT RETURN 2', 'the routine `shop`.`both_ways` was changed'],
  ['DROP PROCEDURE p', 'the routine `shop`.`p` was dropped or renamed'],
  ['ALTER EVENT e DO SELECT 2', 'the event `shop`.`e` was changed'],
  ['ALTER EVENT f DISABLE', 'the event `shop`.`f` was changed'],
  ['ALTER DATABASE shop CHARACTER SET latin2', 'the database `shop` was changed'],
];

t.test('whatever is defined anew is named, and nothing else', async (t) => {
  const server = await serverFor(t);
  const read = (only?: DatabaseName) => readDefinitions((sql, row) => query(server.root, sql, row), only);
  await runSql(server, SCHEMA);
  const before = await read();
  // The server tells the time of a table's definition in whole seconds.
  await sleep(1000 - (Date.now() % 1000) + 20);

  await runSql(server, `USE shop; ${HARMLESS}`);
  t.same(changedDefinitions(before, await read(), [shop]), []);
  t.same(changedDefinitions(before, await read(shop), [shop]), []);
  t.same(changedDefinitions(before, await read(), [other]), ['the table `other`.`theirs` was changed']);
  t.same(madeDefinitions(before, await read(), [shop, other]), ['the table `shop`.`new` was made']);

  await runSql(server, `USE shop; ${CHANGES.map(([sql]) => sql).join(';\n')}`);
  const said = CHANGES.map(([, sentence]) => sentence).sort();
  t.same([...changedDefinitions(before, await read(), [shop])].sort(), said);
  t.same(
    [...changedDefinitions(before, await read(shop), [shop])].sort(),
    said,
    'where nothing else is looked at, too',
  );

  await runSql(server, 'DROP DATABASE other');
  t.same(changedDefinitions(before, await read(other), [other]), [
    'the database `other` was dropped or renamed',
    'the table `other`.`theirs` was dropped or renamed',
  ]);
});
