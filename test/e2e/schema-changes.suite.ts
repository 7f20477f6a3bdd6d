import t, { type Test } from 'tap';
import { loadSql } from '../../lib/database/load-sql.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { sleep } from '../../lib/system/clock.ts';
import { bytesOf } from '../bytes.ts';
import { holdDump } from '../fixture/held-dump.ts';
import { assertExplained, assertNothingHalfDone } from '../fixture/nothing-half-done.ts';
import { publishedManifests } from '../fixture/published.ts';
import { worldFor } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * Somebody changes the schema while the databases are dumped. One program dumps all of them: it stands in the rows of
 * shop.customer, so that the other tables of `shop`, and all of `app`, are still to come. A run that says that it has
 * succeeded has the schema and the rows of its snapshot; any other says what was changed.
 */

t.setTimeout(900_000);
const world = await worldFor(t);
const root = world.server.root;
const sql = (text: string) => loadSql(root, bytesOf(Buffer.from(text)));
const DATABASES = ['shop', 'app'] as const;
const NAMES = DATABASES.map((name) => DatabaseName.parse(name));

/** Beside shop.customer, which stays as it is. */
const objects = (database: string) => `USE ${database};
DROP VIEW IF EXISTS total, total_new; DROP PROCEDURE IF EXISTS greet; DROP PROCEDURE IF EXISTS greet_new;
DROP EVENT IF EXISTS tick; DROP EVENT IF EXISTS tick_new; DROP TABLE IF EXISTS address, invoice, line, line_new, line_old, month, months;
ALTER DATABASE ${database} CHARACTER SET utf8mb4;
${['address', 'invoice', 'line']
  .map(
    (
      table,
    ) => `CREATE TABLE ${table} (id INT PRIMARY KEY AUTO_INCREMENT, n INT, note VARCHAR(50) DEFAULT 'none') ENGINE=InnoDB;
INSERT INTO ${table} SELECT seq, seq * 7, CONCAT('${table} ', seq) FROM seq_1_to_200;`,
  )
  .join('\n')}
CREATE TABLE months (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION first VALUES LESS THAN (100));
CREATE TABLE month (id INT PRIMARY KEY); INSERT INTO month VALUES (1); INSERT INTO months VALUES (2);
CREATE VIEW total AS SELECT SUM(n) AS n FROM invoice;
CREATE TRIGGER guard BEFORE INSERT ON invoice FOR EACH ROW SET NEW.n = ABS(NEW.n);
CREATE PROCEDURE greet() SELECT 'hello';
CREATE EVENT tick ON SCHEDULE EVERY 1 DAY DO SELECT 1;
`;
const reset = () =>
  sql(`DROP DATABASE IF EXISTS new; CREATE DATABASE IF NOT EXISTS app; ${DATABASES.map(objects).join('')}`);

const scratch = await (async () => {
  const { path, remove } = temporaryFolder();
  t.teardown(remove);
  const server = await startThrowawayServer({ folder: path });
  t.teardown(() => server.stop());
  return server;
})();

const inventory = await world.inventoryWith((host) => {
  host.compression = { program: 'gzip', level: 1 };
  host.database.parallel = 1;
  host.database.snapshot = { attempts: 1 };
});

type Outcome =
  | { readonly kind: 'succeeds' }
  /** `says` completes the sentence that is told. */
  | { readonly kind: 'fails'; readonly says: RegExp };

const succeeds: Outcome = { kind: 'succeeds' };
const fails = (says: RegExp): Outcome => ({ kind: 'fails', says });
const changed = (object: string) => fails(new RegExp(`: the ${object} was changed during the dump`));

interface Case {
  readonly what: string;
  readonly does: (database: string) => string;
  /** In the database that is being dumped, and in one that is still to come. */
  readonly now: Outcome;
  readonly later?: Outcome;
}

const cases: readonly Case[] = [
  {
    what: 'ALTER TABLE that rebuilds',
    does: (db) => `ALTER TABLE ${db}.line MODIFY n BIGINT`,
    now: changed('table `shop`.`line`'),
    later: changed('table `app`.`line`'),
  },
  {
    what: 'instant ADD COLUMN',
    does: (db) => `ALTER TABLE ${db}.line ADD COLUMN more INT DEFAULT 5, ALGORITHM=INSTANT`,
    now: changed('table `shop`.`line`'),
    later: changed('table `app`.`line`'),
  },
  {
    what: 'instant DROP COLUMN',
    does: (db) => `ALTER TABLE ${db}.line DROP COLUMN note, ALGORITHM=INSTANT`,
    now: changed('table `shop`.`line`'),
    later: changed('table `app`.`line`'),
  },
  {
    what: 'ADD INDEX',
    does: (db) => `ALTER TABLE ${db}.line ADD INDEX (n)`,
    now: changed('table `shop`.`line`'),
  },
  {
    what: 'ALTER TABLE to an engine without transactions',
    does: (db) => `ALTER TABLE ${db}.line ENGINE=Aria; INSERT INTO ${db}.line (n) VALUES (0)`,
    now: changed('table `shop`.`line`'),
  },
  {
    what: 'OPTIMIZE TABLE',
    does: (db) => `OPTIMIZE TABLE ${db}.line`,
    now: changed('table `shop`.`line`'),
  },
  {
    what: 'TRUNCATE',
    does: (db) => `TRUNCATE ${db}.line`,
    now: changed('table `shop`.`line`'),
    later: changed('table `app`.`line`'),
  },
  {
    what: 'EXCHANGE PARTITION, which changes no definition, and rows that are old enough',
    does: (db) => `ALTER TABLE ${db}.months EXCHANGE PARTITION first WITH TABLE ${db}.month`,
    now: fails(/: the table `shop`\.`months?` was changed during the dump \(and 1 more\)$/),
    later: fails(/: the table `app`\.`months?` was changed during the dump \(and 1 more\)$/),
  },
  {
    what: 'DROP TABLE',
    does: (db) => `DROP TABLE ${db}.line`,
    now: fails(/: the table `shop`\.`line` was dropped or renamed during the dump/),
    later: fails(/: the table `app`\.`line` was dropped or renamed during the dump/),
  },
  {
    what: 'DROP TABLE and CREATE TABLE of the same name',
    does: (db) => `DROP TABLE ${db}.line; CREATE TABLE ${db}.line (id INT PRIMARY KEY) ENGINE=InnoDB`,
    now: changed('table `shop`.`line`'),
  },
  {
    what: 'RENAME TABLE',
    does: (db) => `RENAME TABLE ${db}.line TO ${db}.line_old`,
    now: fails(/: the table `shop`\.`line` was dropped or renamed during the dump/),
    later: fails(/: the table `app`\.`line` was dropped or renamed during the dump/),
  },
  {
    what: 'RENAME TABLE that swaps two, as a tool for online schema changes does',
    does: (db) =>
      `RENAME TABLE ${db}.invoice TO ${db}.line_old, ${db}.line TO ${db}.invoice, ${db}.line_old TO ${db}.line`,
    now: fails(/: the table `shop`\.`(invoice|line)` was changed during the dump \(and \d more\)$/),
    later: fails(/: the table `app`\.`(invoice|line)` was changed during the dump \(and \d more\)$/),
  },
  {
    what: 'CREATE TABLE after the snapshot',
    does: (db) => `CREATE TABLE ${db}.line_new (a INT) ENGINE=InnoDB; INSERT INTO ${db}.line_new VALUES (1)`,
    now: succeeds,
    later: fails(
      /: the table `line_new` was changed or emptied during the dump$|: the table `app`\.`line_new` was made during the dump$/,
    ),
  },
  {
    what: 'CREATE DATABASE after the snapshot',
    does: () => 'CREATE DATABASE new; CREATE TABLE new.t (a INT)',
    now: succeeds,
  },
  {
    what: 'DROP DATABASE',
    does: () => 'DROP DATABASE app',
    now: fails(/: the database `app` was dropped or renamed during the dump \(and \d+ more\)$/),
  },
  {
    what: 'ALTER DATABASE',
    does: (db) => `ALTER DATABASE ${db} CHARACTER SET latin2`,
    now: changed('database `shop`'),
    later: changed('database `app`'),
  },
  {
    what: 'CREATE OR REPLACE VIEW',
    does: (db) => `CREATE OR REPLACE VIEW ${db}.total AS SELECT MAX(n) AS other FROM ${db}.invoice`,
    now: changed('view `shop`.`total`'),
    later: changed('view `app`.`total`'),
  },
  {
    what: 'CREATE VIEW',
    does: (db) => `CREATE VIEW ${db}.total_new AS SELECT 1 AS one`,
    now: fails(/: the view `shop`\.`total_new` was made during the dump/),
    later: fails(/: the view `app`\.`total_new` was made during the dump/),
  },
  {
    what: 'DROP VIEW',
    does: (db) => `DROP VIEW ${db}.total`,
    now: fails(/: the view `shop`\.`total` was dropped or renamed during the dump/),
    later: fails(/: the view `app`\.`total` was dropped or renamed during the dump/),
  },
  {
    what: 'CREATE OR REPLACE TRIGGER',
    does: (db) => `CREATE OR REPLACE TRIGGER ${db}.guard BEFORE INSERT ON ${db}.invoice FOR EACH ROW SET NEW.n = 0`,
    now: changed('trigger `shop`.`guard`'),
    later: changed('trigger `app`.`guard`'),
  },
  {
    what: 'DROP TRIGGER',
    does: (db) => `DROP TRIGGER ${db}.guard`,
    now: fails(/: the trigger `shop`\.`guard` was dropped or renamed/),
  },
  {
    what: 'CREATE OR REPLACE PROCEDURE',
    does: (db) => `CREATE OR REPLACE PROCEDURE ${db}.greet() SELECT 'farewell'`,
    now: changed('routine `shop`.`greet`'),
    later: changed('routine `app`.`greet`'),
  },
  {
    what: 'CREATE PROCEDURE',
    does: (db) => `CREATE PROCEDURE ${db}.greet_new() SELECT 1`,
    now: fails(/: the routine `shop`\.`greet_new` was made during the dump$/),
  },
  {
    what: 'DROP PROCEDURE',
    does: (db) => `DROP PROCEDURE ${db}.greet`,
    now: fails(/: the routine `shop`\.`greet` was dropped or renamed/),
  },
  {
    what: 'ALTER EVENT',
    does: (db) => `ALTER EVENT ${db}.tick DO SELECT 2`,
    now: changed('event `shop`.`tick`'),
    later: changed('event `app`.`tick`'),
  },
  {
    what: 'rows that come and go, in all tables',
    does: (db) =>
      `INSERT INTO ${db}.line (id, n) VALUES (-1, -1); DELETE FROM ${db}.address WHERE id < 50; UPDATE ${db}.invoice SET n = 0`,
    now: succeeds,
    later: succeeds,
  },
];

for (const { what, does, now, later } of cases) {
  t.test(`${what}, in the database that is being dumped`, (t) => during(t, does('shop'), now));
  if (later) t.test(`${what}, in a database that is still to come`, (t) => during(t, does('app'), later));
}

/** All of them fail in the same place, so that what comes after is looked at every so often. */
const NEXT_EVERY = 8;
let failures = 0;

async function during(t: Test, change: string, outcome: Outcome): Promise<void> {
  await reset();
  const truth = await readContent(root, NAMES);
  await sleep(1000 - (Date.now() % 1000)); // a definition's time is told in whole seconds
  const held = await holdDump(world, 'customer', { inventory });
  await sql(change).catch((error: unknown) => t.fail(`cannot change it: ${error}`));
  const ended = await held.goOn();
  const manifest = publishedManifests(world).at(-1);
  if (outcome.kind === 'fails') {
    assertExplained(t, ended, 4, outcome.says, /let no schema change run during the backup/);
    t.match(manifest, {
      outcome: 'failed',
      error: { code: 'schema-changed', phase: 'dump' },
      snapshot: null,
      dayArchive: null,
    });
    t.strictSame([manifest?.archives, manifest?.copies], [[], []]);
  } else {
    t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    t.match(manifest, { outcome: 'succeeded', error: null, snapshot: { barrier: 'backup-stage', fallback: null } });
    await assertRestores(t, truth);
  }
  await assertNothingHalfDone(t, world);
  failures += outcome.kind === 'fails' ? 1 : 0;
  if (outcome.kind === 'fails' && failures % NEXT_EVERY === 1) {
    const next = await world.task('backup', [], { inventory });
    t.equal(next.exitCode, 0, `the next run is good: ${next.stdout}${next.stderr}`);
  }
}

async function assertRestores(t: Test, truth: Awaited<ReturnType<typeof readContent>>): Promise<void> {
  const words = DATABASES.flatMap((name) => ['--database', name, '--overwrite', name]);
  const { exitCode, stdout, stderr } = await world.restore(['--socket', scratch.socket, ...words]);
  t.equal(exitCode, 0, stdout + stderr);
  t.strictSame(compareContent(truth, await readContent(scratch.root, NAMES)), [], 'what is restored is the snapshot');
}
