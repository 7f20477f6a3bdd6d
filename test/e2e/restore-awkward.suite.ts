import { readFile } from 'node:fs/promises';
import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { quoteIdentifier } from '../../lib/database/sql-text.ts';
import { recoverByHand } from '../../lib/flow/recover-by-hand.ts';
import { type RestoreOrder, restore } from '../../lib/flow/restore.ts';
import { asCoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { assertExplained, OFFSITE, runsAt } from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { runSql } from '../fixture/servers.ts';
import { worldFor } from '../fixture/world.ts';

/* What a server keeps, and does not take back without more ado: one backup, restored again and again. */

t.setTimeout(400_000);
const world = await worldFor(t);
const { root } = world.server;

await runSql(
  world.server,
  `CREATE DATABASE odd1; USE odd1; CREATE TABLE gone (a INT); CREATE TABLE \`there 'now\` (a INT, b INT); CREATE PROCEDURE p() SELECT 1;
   CREATE USER 'col'@'localhost' IDENTIFIED BY 'demo-only'; CREATE USER 'z''last'@'%';
   GRANT SELECT (a), UPDATE (a) ON gone TO 'col'@'localhost'; GRANT INSERT ON gone TO 'col'@'localhost';
   GRANT SELECT (b) ON \`there 'now\` TO 'col'@'localhost'; GRANT EXECUTE ON PROCEDURE p TO 'col'@'localhost';
   DROP TABLE gone; ALTER TABLE \`there 'now\` DROP COLUMN b;
   GRANT SELECT ON odd1.* TO 'z''last'@'%'; GRANT SELECT ON shop.customer TO 'z''last'@'%';`,
);
await runSql(
  world.server,
  `CREATE DATABASE loose; USE loose; SET SESSION innodb_strict_mode = 0, check_constraint_checks = 0;
   CREATE TABLE wide (${Array.from({ length: 190 }, (_, n) => `c${n} VARCHAR(255)`).join(', ')}) CHARACTER SET latin1;
   INSERT INTO wide (c0, c189) VALUES ('first', 'last');
   CREATE TABLE checked (a INT CHECK (a > 0), CONSTRAINT sum CHECK (a < 9)); INSERT INTO checked VALUES (-1), (10);
   SET GLOBAL log_bin_trust_function_creators = 1;
   CREATE DATABASE coded; USE coded; CREATE TABLE t (a INT); CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1;
   CREATE FUNCTION f() RETURNS INT RETURN (SELECT COUNT(*) FROM t);
   SET GLOBAL log_bin_trust_function_creators = 0;`,
);
// Takes no rows while innodb_read_only_compressed is on; and what comes after it is too much for any pipe.
await runSql(
  world.server,
  `CREATE DATABASE packed; USE packed; CREATE TABLE a (a INT); INSERT INTO a VALUES (1);
   SET GLOBAL innodb_read_only_compressed = OFF;
   CREATE TABLE \`b'c\` (a INT) ROW_FORMAT = COMPRESSED; INSERT INTO \`b'c\` VALUES (1);
   CREATE TABLE z (b BLOB); INSERT INTO z SELECT RANDOM_BYTES(1000) FROM seq_1_to_3000;`,
);
await runSql(
  world.server,
  `CREATE DATABASE ticking; CREATE TABLE ticking.t (a INT); CREATE DATABASE ticked; CREATE TABLE ticked.t (a INT);
   DELIMITER //
   CREATE EVENT ticking.e ON SCHEDULE EVERY 1 SECOND DO BEGIN INSERT INTO ticking.t VALUES (1); INSERT INTO ticked.t VALUES (1); END//`,
);
const NAMELY = 'o\nd\\`2';
const namely = quoteIdentifier(NAMELY);
await runSql(
  world.server,
  `CREATE DATABASE ${namely}; CREATE TABLE ${namely}.t (a INT); CREATE TABLE odd1.gone (a INT);
   CREATE ROLE everybody; GRANT everybody TO PUBLIC; GRANT SHOW DATABASES ON *.* TO PUBLIC; GRANT SELECT ON odd1.gone TO PUBLIC;
   GRANT SELECT ON odd1.* TO PUBLIC; GRANT INSERT (a) ON ${namely}.t TO PUBLIC WITH GRANT OPTION; DROP TABLE odd1.gone;`,
);
await world.goodRun();
const [newest = ''] = (await runsAt(world, OFFSITE)).slice(-1);

const ALL = ['coded', 'crm', 'loose', NAMELY, 'odd1', 'packed', 'shop', 'ticked', 'ticking'];
const order: RestoreOrder = {
  host: await world.host(),
  inventory: await world.inventory(),
  from: 'store',
  accounts: false,
  overwrite: [],
  opening: {
    kind: 'key' as const,
    privateKey: openPrivateKey(await readFile(world.keys.company, 'utf8'), world.keys.passphrase),
  },
  target: root,
  dryRun: false,
  emit: () => undefined,
  signal: new AbortController().signal,
};

/** A restore, with what it told on the way and how it failed. */
async function restored(changes: Partial<RestoreOrder>) {
  const told: FlowEvent[] = [];
  const end = await restore({ ...order, ...changes, emit: (event) => told.push(event) }).then(
    (result) => ({ result, error: undefined }),
    (error: unknown) => ({ result: undefined, error: asCoffreError(error) }),
  );
  const warnings = told.flatMap((event) => (event.kind === 'warning' ? [`${event.text}; ${event.hint}`] : []));
  return { ...end, told, warnings };
}

const drop = async (...names: string[]) => {
  for (const name of names) await execute(root, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
};
const dropAccounts = () => runSql(world.server, `DROP USER 'col'@'localhost'; DROP USER 'z''last'@'%';`);
const publicGrants = async () =>
  (await queryLines(root, 'SHOW GRANTS FOR PUBLIC')).filter((line) => / TO PUBLIC\b/.test(line)).sort();
const PUBLIC = (await publicGrants()).filter((line) => !line.includes('`gone`'));
t.equal(PUBLIC.length, 4, PUBLIC.join('; '));
const dropPublicGrants = () =>
  runSql(
    world.server,
    `DROP ROLE everybody; REVOKE SHOW DATABASES ON *.* FROM PUBLIC; REVOKE SELECT ON odd1.* FROM PUBLIC;
     REVOKE ALL ON ${namely}.t FROM PUBLIC; REVOKE GRANT OPTION ON ${namely}.t FROM PUBLIC;`,
  );
const grants = async () => (await queryLines(root, `SHOW GRANTS FOR 'z''last'@'%'`)).slice(1).sort();
const WHOLE = ["GRANT SELECT ON `odd1`.* TO `z'last`@`%`", "GRANT SELECT ON `shop`.`customer` TO `z'last`@`%`"];

t.test('grants on what had been dropped before the backup cost nothing but themselves', async (t) => {
  await dropAccounts();
  await dropPublicGrants();
  await execute(root, 'REVOKE SELECT ON odd1.gone FROM PUBLIC');
  t.strictSame(await publicGrants(), []);
  const { result, warnings } = await restored({ overwrite: ALL, accounts: true });
  t.strictSame([...(result?.compared ?? [])].sort(), ALL);
  t.strictSame(await grants(), WHOLE, 'what comes after them is given');
  t.strictSame(await publicGrants(), PUBLIC, 'those to PUBLIC too, after the role that it has');
  t.match(await queryLines(root, "SHOW GRANTS FOR 'col'@'localhost'"), [
    /^GRANT USAGE ON \*\.\* TO `col`@`localhost` IDENTIFIED BY PASSWORD/,
    /^GRANT EXECUTE ON PROCEDURE `odd1`\.`p` TO `col`@`localhost`$/,
  ]);
  t.match(warnings, [
    /^3 grants of `odd1` left out, as what it is on is not there.*: on `gone` to PUBLIC, on `gone` to `col`@`localhost`, on `there 'now` to `col`@`localhost`; .*REVOKE/,
  ]);
  t.notMatch(warnings.join(), 'PASSWORD');
});

t.test('one database with the accounts: the grants of the others are named, and wait', async (t) => {
  await dropAccounts();
  await drop('shop', 'odd1');
  const { result, warnings } = await restored({ databases: ['odd1'], accounts: true });
  t.strictSame(result?.compared, ['odd1']);
  t.match(
    warnings.find((text) => text.includes('`shop`')),
    /^a grant of `shop` left out, as the server has no such database: on `customer` to `z'last`@`%`; .*--database shop --accounts$/,
  );
  t.equal((await restored({ databases: ['shop'], accounts: true })).warnings.length, 1);
  t.strictSame(await grants(), WHOLE);
});

t.test('tables and rows that were made under looser rules are taken again', async (t) => {
  const { result } = await restored({ databases: ['loose'], overwrite: ['loose'] });
  t.strictSame(result?.compared, ['loose']);
  t.strictSame(await queryLines(root, 'SELECT a FROM loose.checked'), ['-1', '10']);
});

t.test(
  'functions without DETERMINISTIC are taken by a server with its binary log on, or nothing is dropped',
  async (t) => {
    const coded = { databases: ['coded'], overwrite: ['coded'] };
    const trust = () => queryLines(root, 'SELECT @@GLOBAL.log_bin, @@GLOBAL.log_bin_trust_function_creators');
    const { result, told } = await restored(coded);
    t.strictSame(result?.compared, ['coded']);
    t.match(told.slice(0, 2), [{ kind: 'note' }, { kind: 'note', text: /log_bin_trust_function_creators is 1 while/ }]);
    t.strictSame(await trust(), ['1\t0'], 'and then as it was');

    await runSql(world.server, 'CREATE USER lesser@localhost; GRANT ALL ON *.* TO lesser@localhost;');
    await runSql(world.server, 'REVOKE SUPER, BINLOG ADMIN ON *.* FROM lesser@localhost');
    const target = { ...root, credentials: { kind: 'no-password', user: 'lesser' } as const };
    const { error } = await restored({ ...coded, target });
    t.match(error, { code: 'refused', exitCode: 8, hint: /SET GLOBAL log_bin_trust_function_creators = 1;/ });
    t.strictSame(await queryLines(root, 'SELECT COUNT(*) FROM coded.t'), ['0'], 'it is still there');
    await execute(root, 'DROP USER lesser@localhost');
  },
);

t.test('a database that the server does not take is taken back, and costs the others nothing', async (t) => {
  await execute(root, 'SET GLOBAL innodb_read_only_compressed = ON');
  const password = await queryLines(root, "SHOW CREATE USER 'col'@'localhost'");
  await runSql(
    world.server,
    "ALTER USER 'col'@'localhost' IDENTIFIED BY 'another'; GRANT INSERT ON crm.* TO 'col'@'localhost';",
  );
  const some = ['packed', 'odd1', 'coded'];
  const { error, warnings, told } = await restored({
    from: 'offsite:contractor',
    databases: some,
    overwrite: some,
    accounts: true,
  });
  await execute(root, 'SET GLOBAL innodb_read_only_compressed = OFF');
  t.match(error, {
    code: 'restore-failed',
    exitCode: 4,
    message: 'cannot restore packed: loading has failed, all else is done',
    hint: /--database packed$/,
    findings: [/^cannot load the table `b'c` of packed into .*: a table is read-only$/],
  });
  t.ok(warnings.some((text) => /a table is read-only, and what was there of it is dropped again;/.test(text)));
  t.match(told.at(-1), { kind: 'note', text: 'restored, and the same as in the backup: odd1, coded' });
  t.strictSame(await grants(), WHOLE, 'the accounts are there too');
  t.strictSame(await queryLines(root, "SHOW CREATE USER 'col'@'localhost'"), password, 'with their passwords');
  t.match((await queryLines(root, "SHOW GRANTS FOR 'col'@'localhost'")).join(), /INSERT ON `crm`/, 'and what they had');
  t.strictSame(await queryLines(root, 'SELECT COUNT(*) FROM packed.z'), ['3000'], 'the old one is back');
  const again = await restored({ databases: ['packed'], overwrite: ['packed'] });
  t.strictSame(again.result?.compared, ['packed'], 'what the hint says leads out of it');
});

t.test('what the events of a restored database have changed since is no failure, and all else is', async (t) => {
  const slow = await pathWith(
    world.at('bin-slow'),
    'mariadb-dump',
    'case "$*" in *databases*) sleep 1.5;; esac; exec "$REAL" "$@"',
  );
  const some = ['ticking', 'ticked'];
  await execute(root, 'SET GLOBAL event_scheduler = ON');
  const words = some.flatMap((name) => ['--database', name, '--overwrite', name]);
  const on = await world.restore(words, { env: { PATH: slow } });
  t.equal(on.exitCode, 3, on.stderr);
  for (const name of some)
    t.match(
      on.stderr,
      new RegExp(`^warning: ${name}: cannot be compared: .* the table \`t\` has \\d+ rows? more`, 'm'),
    );
  t.match(on.stderr, /^hint: .*SET GLOBAL event_scheduler = OFF;$/m);
  await execute(root, 'SET GLOBAL event_scheduler = OFF');
  const off = await restored({ databases: some, overwrite: some });
  t.match(off, { result: { compared: { length: 2 } }, warnings: [] });

  await execute(root, 'SET GLOBAL event_scheduler = ON');
  const meddling = await pathWith(
    world.at('bin-meddling'),
    'mariadb-dump',
    `case "$*" in *shop) mariadb --defaults-file=${world.adminOptions} -e "DELETE FROM shop.customer LIMIT 1";; esac; exec "$REAL" "$@"`,
  );
  const changed = await world.restore(['--database', 'shop', '--overwrite', 'shop'], { env: { PATH: meddling } });
  await execute(root, 'SET GLOBAL event_scheduler = OFF');
  assertExplained(t, changed, 5, /^error: cannot call this restored: /, /drop nothing/);
  t.equal((await restored({ databases: ['shop'], overwrite: ['shop'] })).error, undefined);
});

t.test('a name with a newline stays on its line, in the hint too', async (t) => {
  const refused = await world.restore(['--database', NAMELY]);
  assertExplained(t, refused, 8, /^error: cannot restore o\\x0ad/, /--overwrite 'o\\x0ad/);
});

t.test('an error of another kind among the accounts counts', async (t) => {
  await execute(root, 'CREATE USER lesser@localhost');
  await execute(root, 'GRANT SELECT, CREATE USER, RELOAD ON *.* TO lesser@localhost');
  const target = { ...root, credentials: { kind: 'no-password', user: 'lesser' } as const };
  const { error } = await restored({ databases: [], accounts: true, target });
  t.match(error, {
    code: 'restore-failed',
    findings: [/^cannot load accounts into .*: the account lacks a global privilege$/],
  });
  await execute(root, 'DROP USER lesser@localhost');
});

t.test('the commands of RECOVERY.txt get over all of it too', async (t) => {
  await dropAccounts();
  await dropPublicGrants();
  await drop(...ALL);
  await execute(root, 'SET GLOBAL log_bin_trust_function_creators = 1'); // as it says
  await recoverByHand({
    runFolder: world.at(OFFSITE, newest),
    recipient: 'escrow',
    privateKeyPath: world.keys.escrow,
    passphrase: world.keys.passphrase,
    clientOptions: world.adminOptions,
  });
  t.strictSame(await grants(), WHOLE);
  t.strictSame(await publicGrants(), PUBLIC);
  t.strictSame(await queryLines(root, 'SELECT a FROM loose.checked'), ['-1', '10']);
});
