import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { type Aside, asideName } from '../../lib/database/aside.ts';
import { readAsides } from '../../lib/database/aside-mark.ts';
import { type Ask, execute, query, queryLines } from '../../lib/database/client.ts';
import { readDatabaseNames } from '../../lib/database/database-names.ts';
import { inspectMovable } from '../../lib/database/movable.ts';
import { moveAside, readUnmovable } from '../../lib/database/move-aside.ts';
import { dropAside, putBack, settleAside } from '../../lib/database/put-back.ts';
import { countObjects } from '../../lib/database/read-objects.ts';
import { lockReplacement } from '../../lib/database/replacement-lock.ts';
import { quoteIdentifier } from '../../lib/database/sql-text.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { pathWith } from '../fixture/programs.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

/* A database that is to be replaced goes out of the way, and comes back whole, wherever that was cut short. */

t.setTimeout(120_000);
const server = await serverFor(t, { extra: ['--character-set-server=utf8mb4'] });
const { root } = server;
const ask: Ask = (sql, row) => query(root, sql, row);
const SHOP = DatabaseName.parse('sh`op');
const shop = quoteIdentifier(SHOP);

await runSql(
  server,
  `CREATE DATABASE ${shop} CHARACTER SET latin1 COLLATE latin1_german1_ci COMMENT 'it''s ours'; USE ${shop};
   CREATE TABLE customer (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(30)) AUTO_INCREMENT = 77;
   CREATE TABLE \`an order\` (id INT PRIMARY KEY, customer INT, CONSTRAINT owns FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE);
   CREATE TABLE itself (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES itself (id));
   CREATE TABLE log (t TEXT) ENGINE = MyISAM; CREATE TABLE said (t TEXT, FULLTEXT KEY (t));
   CREATE SEQUENCE numbers START WITH 10; DO NEXTVAL(numbers);
   CREATE TABLE numbered (id BIGINT DEFAULT NEXTVAL(numbers), t TEXT);
   CREATE TABLE parted (id INT) PARTITION BY HASH (id) PARTITIONS 3;
   CREATE TABLE versioned (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
   INSERT INTO customer (name) VALUES ('one'), ('two'); INSERT INTO \`an order\` VALUES (1, 77), (2, 78); INSERT INTO itself VALUES (1, 1);
   INSERT INTO log VALUES ('x'); INSERT INTO said VALUES ('the quick fox'); INSERT INTO numbered (t) VALUES ('y');
   INSERT INTO parted VALUES (1), (2), (3); INSERT INTO versioned VALUES (1, 1); UPDATE versioned SET v = 2;
   DELIMITER //
   CREATE TRIGGER one BEFORE INSERT ON customer FOR EACH ROW SET NEW.name = CONCAT(NEW.name, ';')//
   CREATE TRIGGER two BEFORE INSERT ON customer FOR EACH ROW PRECEDES one BEGIN /* it's */ SET @a = 1; END//
   CREATE FUNCTION f() RETURNS INT RETURN (SELECT COUNT(*) FROM customer)//
   CREATE PROCEDURE p() COMMENT 'x' BEGIN SELECT 'ü;'; END//
   CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01' DO DELETE FROM log//
   DELIMITER ;
   CREATE VIEW zz AS SELECT * FROM customer; CREATE VIEW aa AS SELECT id, f() AS f FROM zz;
   CREATE DATABASE other; CREATE TABLE other.t (a INT);`,
);
const defaults = async () => await queryLines(root, `SHOW CREATE DATABASE ${shop}`);
const before = {
  content: await readContent(root, [SHOP]),
  counts: (await countObjects(ask, [])).get(SHOP),
  defaults: await defaults(),
};
let moments = 0;

/** A place of its own for each time. */
function next(): Omit<Aside, 'state'> {
  moments += 1;
  const name = asideName(SHOP, new Date(Date.UTC(2026, 0, 1, 0, 0, moments)));
  return { name, database: SHOP, run: '2026-11-22T040000Z' };
}

/** At a glance. What is lost on the way stays lost, so that a look at all of it can wait until the end of a test. */
async function assertComplete(t: Test) {
  t.strictSame((await countObjects(ask, [])).get(SHOP), before.counts);
  t.strictSame(await leftovers(), []);
}

async function assertAsBefore(t: Test) {
  t.strictSame(compareContent(before.content, await readContent(root, [SHOP])), []);
  t.strictSame(await defaults(), before.defaults, 'with its character set and its comment');
  t.strictSame(await leftovers(), [], 'nothing else is left');
}

const leftovers = async () => (await readDatabaseNames(root)).filter((name) => name.includes('coffre'));
const count = async (sql: string) => Number((await queryLines(root, sql)).at(-1));
const loadHalf = () => runSql(server, `CREATE DATABASE ${shop}; CREATE TABLE ${shop}.customer (half INT);`);

t.test('all of it goes out of the way, and comes back as it was', async (t) => {
  const aside = next();
  await moveAside(root, aside);
  t.notOk((await readDatabaseNames(root)).includes(SHOP));
  t.strictSame(await readAsides(ask), [{ ...aside, state: 'moved', standing: null, atWork: false }]);
  t.equal(await count(`SELECT COUNT(*) FROM ${quoteIdentifier(aside.name)}.customer`), 2, 'its rows are there');
  await loadHalf();
  t.match(await readAsides(ask), [{ standing: '1 table' }]);
  await t.rejects(putBack(root, aside.name, { standing: 'stays' }), {
    code: 'refused',
    message: /there is something \(1 table\) in which somebody may have worked since$/,
    hint: /--put-back 'sh`op' --drop-first 'sh`op'$/,
  });
  await putBack(root, aside.name, { standing: 'goes' });
  await assertAsBefore(t);
  const cascade = `START TRANSACTION; DELETE FROM ${shop}.customer WHERE id = 78; SELECT COUNT(*) FROM ${shop}.\`an order\``;
  t.equal(await count(cascade), 1, 'its foreign keys are its own');
});

t.test('wherever the move was cut short, the next one who comes puts it back', async (t) => {
  const cut = await cutting(t);
  const states: string[] = [];
  for (let statement = 1; ; statement += 1) {
    cut.before(statement);
    const moved = await moveAside(root, next()).then(
      () => true,
      () => false,
    );
    cut.never();
    if (moved) break;
    for (const aside of await readAsides(ask)) states.push(`${aside.state}: ${await settleAside(root, aside)}`);
    await assertComplete(t);
  }
  t.match(new Set(states), new Set(['begun: put back', 'moving: put back']));
  const [aside] = await readAsides(ask);
  t.ok(aside);
  if (aside) await putBack(root, aside.name, { standing: 'stays' });
  await assertAsBefore(t);
});

t.test('wherever putting back was cut short, the next one who comes goes on with it', async (t) => {
  const aside = next();
  await moveAside(root, aside);
  await loadHalf();
  const cut = await cutting(t);
  const states: string[] = [];
  for (let statement = 1; ; statement += 1) {
    cut.before(statement);
    const done = await putBack(root, aside.name, { standing: 'goes' }).then(
      () => true,
      () => false,
    );
    cut.never();
    if (done) break;
    states.push(...(await readAsides(ask)).map(({ state }) => state));
  }
  t.match(new Set(states), new Set(['moved', 'moving']));
  t.ok(states.length > 6, `it was cut ${states.length} times`);
  await assertAsBefore(t);
});

t.test('once the new one is verified the old one goes, also when that was cut short', async (t) => {
  await execute(
    root,
    `CREATE DATABASE gone; CREATE TABLE gone.a (a INT PRIMARY KEY); CREATE TABLE gone.b (a INT REFERENCES gone.a (a))`,
  );
  const database = DatabaseName.parse('gone');
  const aside = { name: asideName(database, new Date()), database, run: 'x' };
  await moveAside(root, aside);
  await execute(root, 'CREATE DATABASE gone; CREATE TABLE gone.newer (a INT)');
  const cut = await cutting(t);
  cut.before(3);
  await t.rejects(dropAside(root, aside.name));
  cut.never();
  const [left] = await readAsides(ask);
  t.match(left, { state: 'replaced' });
  if (left) t.equal(await settleAside(root, left), 'dropped');
  t.strictSame(await leftovers(), []);
  t.strictSame(await queryLines(root, 'SHOW TABLES FROM gone'), ['newer'], 'the new one stays');
});

t.test('a move that the server does not let happen leaves everything as it was', async (t) => {
  const reader = execute(root, `START TRANSACTION; SELECT * FROM ${shop}.log; DO SLEEP(4)`);
  const impatient = await pathWith(
    t.testdir(),
    'mariadb',
    'sed "s/lock_wait_timeout = 60/lock_wait_timeout = 1/" | "$REAL" "$@"',
  );
  const path = process.env.PATH;
  process.env.PATH = impatient;
  t.teardown(() => {
    process.env.PATH = path;
  });
  await t.rejects(moveAside(root, next()), { code: 'lock-timeout', message: /^cannot move sh`op aside: / });
  process.env.PATH = path;
  await reader;
  await assertAsBefore(t);
});

t.test('what somebody makes there until the last moment goes with it, or keeps it from going', async (t) => {
  await execute(root, 'CREATE DATABASE late; CREATE TABLE late.old (a INT); CREATE VIEW late.v AS SELECT 1 AS one');
  const database = DatabaseName.parse('late');
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
  });
  const admin = `--no-defaults --socket=${server.socket} --user=root`;
  /** Somebody does this once, right before the statement that drops the database. */
  const meddle = async (sql: string) => {
    const folder = t.testdir({ sql });
    const act = `[ -e ${folder}/sql ] && grep -q 'DROP DATABASE .late' ${folder}/in && { "$REAL" ${admin} < ${folder}/sql; rm ${folder}/sql; }`;
    process.env.PATH = `${path}`;
    process.env.PATH = await pathWith(
      `${folder}/bin`,
      'mariadb',
      `cat > ${folder}/in; ${act}; exec "$REAL" "$@" < ${folder}/in`,
    );
  };
  const aside = { ...next(), name: asideName(database, new Date()), database };
  await meddle('CREATE TABLE late.newest (a INT); INSERT INTO late.newest VALUES (7)');
  await moveAside(root, aside);
  process.env.PATH = path;
  t.notOk((await readDatabaseNames(root)).includes('late'));
  t.equal(await count(`SELECT a FROM ${quoteIdentifier(aside.name)}.newest`), 7);
  await putBack(root, aside.name, { standing: 'stays' });

  // A view is kept as text, which was written by then.
  const other = { ...aside, name: asideName(database, new Date(0)) };
  const unmovable = await readUnmovable(root, database);
  await execute(root, 'CREATE VIEW late.made AS SELECT 2 AS two; CREATE FUNCTION late.f() RETURNS INT RETURN 1');
  await t.rejects(moveAside(root, other, unmovable), {
    code: 'refused',
    message: /^cannot move late aside: somebody has made `late`\.`made`, `late`\.`f` while it was moved$/,
  });
  t.strictSame(await queryLines(root, 'SHOW TABLES FROM late'), ['made', 'newest', 'old', 'v']);
  t.equal(await count('SELECT late.f()'), 1);
  t.notOk((await leftovers()).includes(other.name));
});

t.test('what cannot be moved is told beforehand, with all that keeps it', async (t) => {
  const obstacles = async (name: string, connection = root) =>
    (await inspectMovable(connection, [DatabaseName.parse(name)]))[0]?.obstacles;
  t.strictSame(await obstacles(SHOP), []);
  await runSql(
    server,
    `CREATE DATABASE bound; USE bound; CREATE TABLE parent (a INT PRIMARY KEY); CREATE TABLE other.child (a INT, FOREIGN KEY (a) REFERENCES bound.parent (a));
     CREATE TABLE one (a INT) ENGINE = MyISAM; CREATE TABLE both_ (a INT) ENGINE = MERGE UNION = (one);
     CREATE TABLE base (a INT); CREATE VIEW broken AS SELECT a FROM base; DROP TABLE base;`,
  );
  const [merge, view, ...more] = (await obstacles('bound')) ?? [];
  t.match([merge, view], [/`both_` is of the engine MRG_MyISAM/, /`bound`\.`broken`/]);
  t.strictSame(more, []);
  t.match(await inspectMovable(root, [DatabaseName.parse('bound')]), [
    { ties: [{ database: 'other', why: /`other`\.`child` refers to its table `parent`/ }] },
  ]);
  t.strictSame(await obstacles('other'), [], 'what refers to another database can go');
  await execute(root, 'CREATE USER lesser@localhost; GRANT SELECT, CREATE ON *.* TO lesser@localhost');
  const lesser = { ...root, credentials: { kind: 'no-password', user: 'lesser' } as const };
  t.match(await obstacles(SHOP, lesser), [/^the account lacks .*\bDROP, ALTER\b.* on \*\.\*$/]);
});

t.test('two cannot replace the same database at once', async (t) => {
  const lock = await lockReplacement(root, [SHOP], []);
  await lockReplacement(root, ['other'], []).then((other) => other.release());
  const second = lockReplacement(root, [SHOP], []);
  await t.rejects(second, { code: 'locked', exitCode: 6 });
  await lock.release();
  await (await lockReplacement(root, [SHOP], [])).release();
});

/** From a statement on nothing reaches the server any more, as when this process had been killed there. */
async function cutting(t: Test) {
  const folder = t.testdir({ left: '' });
  const left = `${folder}/left`;
  const path = process.env.PATH;
  const cut = `N=$(cat ${left}); [ -z "$N" ] && exec "$REAL" "$@"; [ "$N" -le 1 ] && exit 1; echo $((N - 1)) > ${left}; exec "$REAL" "$@"`;
  process.env.PATH = await pathWith(`${folder}/bin`, 'mariadb', cut);
  t.teardown(() => {
    process.env.PATH = path;
  });
  return {
    before: (statement: number) => writeFileSync(left, String(statement)),
    never: () => writeFileSync(left, ''),
  };
}
