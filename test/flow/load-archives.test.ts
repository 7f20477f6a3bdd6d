import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { loadArchives } from '../../lib/flow/load-archives.ts';
import { selectingWords } from '../../lib/flow/take-back.ts';
import { asCoffreError, CoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import type { DatabaseName } from '../../lib/model/names.ts';
import { type Selection, WHOLE } from '../../lib/model/selection.ts';
import { sealedRun } from '../fixture/sealed-run.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const LIMITS = { extra: ['--max-allowed-packet=1G', '--character-set-server=utf8mb4'] };

/** Several megabytes of rows each: more than one connection takes at a time. */
const DATA = `
CREATE DATABASE one; CREATE DATABASE other; CREATE DATABASE third; CREATE DATABASE empty; CREATE DATABASE uses;
SET GLOBAL innodb_read_only_compressed = OFF;
USE one;
CREATE SEQUENCE numbers START WITH 1000;
CREATE TABLE keyed (id INT PRIMARY KEY AUTO_INCREMENT, n BIGINT DEFAULT NEXTVAL(numbers), body TEXT, KEY (n), UNIQUE KEY (n, id)) AUTO_INCREMENT=99000;
INSERT INTO keyed (id, body) SELECT 3001 - seq, REPEAT(CONCAT(seq, ' it''s; INSERT INTO x '), 60) FROM seq_1_to_3000;
CREATE TABLE heap (n INT, body TEXT);
INSERT INTO heap SELECT seq * 7919 % 3001, REPEAT(CONCAT('h', seq), 200) FROM seq_1_to_3000;
CREATE TABLE isam (id INT PRIMARY KEY, body TEXT) ENGINE=MyISAM;
INSERT INTO isam SELECT 3001 - seq, REPEAT(CONCAT('m', seq), 200) FROM seq_1_to_3000 ORDER BY seq * 7919 % 3001;
CREATE TABLE fired (t TEXT);
CREATE TABLE second_key (a INT AUTO_INCREMENT, b INT, PRIMARY KEY (b, a), KEY (a)) ENGINE=InnoDB;
INSERT INTO second_key SELECT seq, seq % 7 FROM seq_1_to_500;
CREATE TABLE told (id INT PRIMARY KEY, body TEXT, FULLTEXT KEY (body), g POINT NOT NULL, SPATIAL KEY (g), CHECK (id >= 0));
INSERT INTO told SELECT seq, REPEAT('quick brown fox ', 50), POINT(seq, 1) FROM seq_1_to_2000;
CREATE TABLE parted (id INT PRIMARY KEY, body TEXT) PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO parted SELECT seq, REPEAT('p', 800) FROM seq_1_to_2000;
CREATE TABLE versioned (id INT PRIMARY KEY, body TEXT) WITH SYSTEM VERSIONING;
INSERT INTO versioned SELECT seq, REPEAT('v', 900) FROM seq_1_to_1000; UPDATE versioned SET body = 'w' WHERE id < 500;
CREATE TABLE computed (id INT PRIMARY KEY, a INT, v INT AS (a * 2) VIRTUAL, s VARCHAR(20) AS (CONCAT('x', a)) STORED, KEY (v), KEY (s));
INSERT INTO computed (id, a) SELECT seq, seq % 99 FROM seq_1_to_2000;
CREATE TABLE large (id INT PRIMARY KEY, b LONGBLOB); INSERT INTO large SELECT seq, REPEAT(CHAR(39, 10, 59), 700000) FROM seq_1_to_3;
CREATE TABLE many_keys (id INT PRIMARY KEY, code INT NOT NULL, a VARCHAR(200), b INT, c TEXT, KEY z (b), KEY (a(20), b DESC), UNIQUE KEY code (code), UNIQUE KEY n (a, id), KEY (c(50)));
INSERT INTO many_keys SELECT seq, seq * 2, CONCAT('a', seq), IF(seq % 3, seq, NULL), REPEAT('k', 900) FROM seq_1_to_3000;
CREATE TABLE many_keys_child (code INT, FOREIGN KEY (code) REFERENCES many_keys (code)); INSERT INTO many_keys_child VALUES (2), (NULL);
CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x + 1;
CREATE VIEW b_shown AS SELECT id, f(id) AS next FROM keyed;
CREATE VIEW c_base AS SELECT id, body FROM keyed;
CREATE VIEW a_checked AS SELECT id, body FROM c_base WHERE id > 5 WITH CASCADED CHECK OPTION;
USE other;
CREATE TABLE child (id INT PRIMARY KEY, of INT, body TEXT, FOREIGN KEY (of) REFERENCES one.keyed (id), KEY (body(10)));
INSERT INTO child SELECT seq, seq, REPEAT('c', 1000) FROM seq_1_to_3000;
CREATE TABLE far_child (id INT PRIMARY KEY, code INT, FOREIGN KEY (code) REFERENCES one.many_keys (code) ON DELETE SET NULL); INSERT INTO far_child VALUES (1, 4);
CREATE VIEW here AS SELECT 1 AS id;
CREATE VIEW one.there AS SELECT h.id FROM other.here h;
CREATE OR REPLACE VIEW here AS SELECT s.id FROM one.c_base s;
CREATE VIEW one.again AS SELECT id FROM one.there;
USE third; CREATE TABLE t (a INT); INSERT INTO t VALUES (1);
CREATE TABLE squeezed (a INT) ROW_FORMAT=COMPRESSED; INSERT INTO squeezed VALUES (1);
CREATE VIEW uses.v AS SELECT a FROM third.t;
DELIMITER $$
CREATE TRIGGER one.keyed_in BEFORE INSERT ON one.keyed FOR EACH ROW INSERT INTO one.fired VALUES ('keyed')$$
CREATE TRIGGER one.heap_in BEFORE INSERT ON one.heap FOR EACH ROW INSERT INTO one.fired VALUES ('heap')$$
CREATE TRIGGER other.child_in AFTER INSERT ON other.child FOR EACH ROW BEGIN
INSERT INTO one.fired VALUES ('child'); INSERT INTO one.fired VALUES ('again'); END$$
CREATE EVENT third.e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO third.t VALUES (2)$$
DELIMITER ;
CREATE USER 'reader'@'localhost'; GRANT SELECT ON one.a_checked TO 'reader'@'localhost';
`;

const DATABASES = ['empty', 'one', 'other', 'third', 'uses'] as DatabaseName[];
const [source, target] = await Promise.all([serverFor(t, LIMITS), serverFor(t, LIMITS)]);
await runSql(source, DATA);
await execute(target.root, 'SET GLOBAL innodb_read_only_compressed = OFF');
const run = await sealedRun(source.root);
const wanted = await readContent(source.root, DATABASES);

async function load(
  form: 'store' | 'offsite',
  parallel: number,
  {
    signal = new AbortController().signal,
    server = target.root,
    archives = run.manifest.archives,
    selection = undefined as Partial<Selection> | undefined,
    joined = [] as readonly string[],
  } = {},
) {
  const told: FlowEvent[] = [];
  const emit = (event: FlowEvent) => told.push(event);
  const order = { target: server, emit, signal, parallel, lateKeysBytes: 500_000 };
  const selections = new Map(
    archives.flatMap((each) => (selection ? [[each, { ...WHOLE, ...selection }] as const] : [])),
  );
  const plan = { form, archives, selections, joined };
  const end = await loadArchives(plan, run.manifest, run.reader, run.passphrase, order).then(
    (result) => ({ result, error: undefined }),
    (error: unknown) => ({ result: undefined, error: asCoffreError(error) }),
  );
  const warnings = told.flatMap((event) => (event.kind === 'warning' ? [`${event.subject}: ${event.text}`] : []));
  return { ...end, told, warnings };
}

const drop = () =>
  runSql(
    target,
    `SET foreign_key_checks = 0; ${DATABASES.map((name) => `DROP DATABASE IF EXISTS ${name};`).join('\n')} DROP USER IF EXISTS 'reader'@'localhost';`,
  );
const there = () =>
  queryLines(
    target.root,
    `SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN (${DATABASES.map((name) => `'${name}'`)}) ORDER BY 1`,
  );

for (const [form, parallel] of [
  ['store', 1],
  ['store', 12],
  ['offsite', 2],
] as const) {
  t.test(`${form}, ${parallel} at a time: all comes as it was, with views that need each other`, async (t) => {
    await runSql(target, "SET GLOBAL log_output = 'TABLE', general_log = 1; TRUNCATE mysql.general_log;");
    const { result, error, told } = await load(form, parallel);
    const late = await queryLines(
      target.root,
      "SELECT argument FROM mysql.general_log WHERE argument LIKE 'ALTER TABLE% ADD %'",
    );
    await execute(target.root, 'SET GLOBAL general_log = 0');
    t.match(late.join(), /`keyed` ADD UNIQUE KEY `n_2` \(`n`,`id`\), ADD KEY/, 'keys came after the rows');
    t.equal(error?.message, undefined);
    t.strictSame(result?.failures, []);
    t.strictSame(
      [...(result?.sealed.keys() ?? [])].map(({ database }) => database),
      run.manifest.archives.map(({ database }) => database),
      'in the order of the plan',
    );
    t.strictSame(compareContent(wanted, await readContent(target.root, DATABASES)), []);
    t.strictSame(await queryLines(target.root, 'SELECT COUNT(*) FROM one.fired'), ['0'], 'no trigger was fired');
    t.strictSame(await queryLines(target.root, 'SELECT COUNT(*) FROM other.here'), ['3000']);
    await t.rejects(execute(target.root, 'INSERT INTO one.many_keys_child VALUES (3)'), { code: 'dump-failed' });
    await execute(target.root, 'INSERT INTO one.many_keys_child VALUES (4); DELETE FROM one.many_keys WHERE id = 3');
    t.equal(told.filter(({ kind }) => kind === 'phase-ended').length, 6);
    await drop();
  });
}

t.test('a database that is not taken is taken back, and so is one whose views need it', async (t) => {
  await execute(target.root, 'SET GLOBAL innodb_read_only_compressed = ON');
  const { result, warnings } = await load('offsite', 2);
  await execute(target.root, 'SET GLOBAL innodb_read_only_compressed = OFF');
  t.match(
    [...(result?.failures ?? [])].map(({ archive, error }) => [archive.database, error.code, error.message]),
    [
      ['third', 'restore-failed', /^cannot load the table `squeezed` of third into .*: a table is read-only$/],
      ['uses', 'restore-failed', /^cannot load the view `v` of uses into .*: a table is gone$/],
    ],
  );
  t.strictSame(await there(), ['empty', 'one', 'other']);
  t.equal(warnings.filter((text) => text.endsWith('and what was there of it is dropped again')).length, 2);
  const rest = new Map([...wanted].filter(([name]) => !['third', 'uses'].includes(name)));
  t.strictSame(compareContent(rest, await readContent(target.root, [...rest.keys()])), []);
  await drop();
});

t.test('a database that fails last takes with it what has views on it', async (t) => {
  await runSql(
    target,
    'CREATE USER lesser@localhost; GRANT ALL ON *.* TO lesser@localhost; REVOKE EVENT ON *.* FROM lesser@localhost;',
  );
  const server = { ...target.root, credentials: { kind: 'no-password', user: 'lesser' } as const };
  const archives = run.manifest.archives.filter(({ database }) => database === 'third' || database === 'uses');
  const { result } = await load('store', 1, { server, archives });
  t.match(
    [...(result?.failures ?? [])].map(({ archive, error }) => [archive.database, error.code]),
    [
      ['third', 'account-lacks-privilege'],
      ['uses', 'restore-failed'],
    ],
  );
  t.strictSame([...(result?.sealed ?? [])], []);
  t.strictSame(await there(), []);
  await execute(target.root, 'DROP USER lesser@localhost');
});

t.test('after an interruption nothing is left that is not whole', async (t) => {
  const interruption = new AbortController();
  const ending = load('store', 2, { signal: interruption.signal });
  for (let found: string[] = []; !found.includes('one'); found = await there());
  interruption.abort(new CoffreError('interrupted', 'cannot go on: enough'));
  const { error, warnings } = await ending;
  t.match(error, { code: 'interrupted', message: /enough/ });
  t.ok(warnings.some((text) => text.startsWith('one: its load was cut short, and what was there of it is dropped')));
  t.notOk((await there()).includes('one'));
  await drop();
});

t.test('what somebody has made in it meanwhile is not dropped with what is not whole', async (t) => {
  const interruption = new AbortController();
  const ending = load('store', 2, { signal: interruption.signal });
  for (let found: string[] = []; !found.includes('one'); found = await there());
  await runSql(
    target,
    `CREATE TABLE one.todays (a INT); INSERT INTO one.todays VALUES (7); CREATE VIEW one.look AS SELECT a FROM one.todays;
     CREATE PROCEDURE one.mine() SELECT 1; CREATE EVENT one.often ON SCHEDULE EVERY 1 DAY DO DO 0;`,
  );
  interruption.abort(new CoffreError('interrupted', 'cannot go on: enough'));
  const { error, told } = await ending;
  t.match(error, { code: 'interrupted', message: /enough/ });
  t.match(
    told.filter((event) => event.kind === 'warning' && event.subject === 'one'),
    [
      {
        text: 'its load was cut short, and what was there of it is dropped again, but not the table `todays`, the view `look`, the routine `mine`, the event `often`: somebody has made that meanwhile',
        hint: /RENAME TABLE `one`.*DROP DATABASE `one`;$/,
      },
    ],
  );
  t.strictSame(await queryLines(target.root, 'SHOW TABLES FROM one'), ['look', 'todays']);
  t.strictSame(await queryLines(target.root, 'SELECT a FROM one.look'), ['7']);
  const routines = "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'one'";
  t.strictSame(await queryLines(target.root, routines), ['mine']);
  await drop();
});

t.test(
  'what is said of a load that fails names how to do it alone, and drops nothing that it has not made',
  async (t) => {
    const archives = run.manifest.archives.filter(({ database }) => database === 'third');
    const as = 'third_old' as DatabaseName;
    await execute(target.root, 'SET GLOBAL innodb_read_only_compressed = ON');
    const loads = (selection: Partial<Selection>, joined: readonly string[] = []) =>
      load('store', 1, { archives, selection, joined });
    const hints = async (ending: ReturnType<typeof loads>) =>
      (await ending).told.flatMap((event) => (event.kind === 'warning' ? [`${event.text}|${event.hint}`] : []));
    const [cut = ''] = await hints(loads({ as, tables: ['t', 'squeezed'] }));
    t.match(cut, /a table is read-only, and what was there of it is dropped again\|/);
    await execute(target.root, 'SET GLOBAL innodb_read_only_compressed = OFF');
    t.strictSame(await queryLines(target.root, "SHOW DATABASES LIKE 'third%'"), []);

    const unknown = await hints(loads({ as, tables: ['nope'] }));
    t.match(unknown, [
      /^cannot restore nope: third has no such table or view in this run; nothing of it was loaded\|names are/,
    ]);
    t.strictSame(await queryLines(target.root, "SHOW DATABASES LIKE 'third%'"), []);

    // Somebody makes it while another one is looked for: it is his.
    await execute(target.root, 'CREATE DATABASE third; CREATE TABLE third.nope (mine INT)');
    t.match(await hints(loads({ tables: ['t', 'nope'] }, ['third'])), [/ no such table .* is dropped again\|/]);
    t.strictSame(await queryLines(target.root, 'SHOW TABLES FROM third'), ['nope']);
    await execute(target.root, 'DROP DATABASE third');
  },
);

t.test('the words for one part alone', (t) => {
  const shop = 'shop' as DatabaseName;
  t.equal(selectingWords(shop, WHOLE), '--database shop');
  t.equal(selectingWords(shop, { ...WHOLE, as: 'shop old' as DatabaseName }), "--database shop --as 'shop old'");
  t.equal(
    selectingWords(shop, { ...WHOLE, tables: ['a', 'b.c'], as: 'tgt' as DatabaseName }),
    "--table shop.a --table '`shop`.`b.c`' --as tgt",
  );
  t.end();
});
