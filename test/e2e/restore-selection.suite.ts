import { readFile } from 'node:fs/promises';
import t from 'tap';
import { execute, queryLines } from '../../lib/database/client.ts';
import { quoteIdentifier } from '../../lib/database/sql-text.ts';
import { type RestoreOrder, restore } from '../../lib/flow/restore.ts';
import { asCoffreError } from '../../lib/model/error.ts';
import type { FlowEvent } from '../../lib/model/event.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import type { SelectionWish } from '../../lib/model/selection.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { pathWith } from '../fixture/programs.ts';
import { runSql } from '../fixture/servers.ts';
import { worldFor } from '../fixture/world.ts';

/* What of a run is restored, and as what: one backup, and an operator who wants a part of it, or it under another name. */

t.setTimeout(400_000);
const world = await worldFor(t);
const { root } = world.server;
await runSql(
  world.server,
  `CREATE DATABASE market; USE market; CREATE SEQUENCE numbers;
   CREATE TABLE orders (id BIGINT PRIMARY KEY DEFAULT NEXTVAL(numbers), t TEXT); CREATE TABLE parts (id INT PRIMARY KEY);
   INSERT INTO orders (t) SELECT CONCAT('o', seq) FROM seq_1_to_40; INSERT INTO parts SELECT seq FROM seq_1_to_30;
   CREATE VIEW v AS SELECT id FROM orders;
   CREATE TRIGGER stamped BEFORE INSERT ON market.orders FOR EACH ROW SET NEW.t = UPPER(NEW.t);
   CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2036-01-01 00:00:00' DO SET @a = 1;
   CREATE PROCEDURE p() SELECT 1;
   CREATE USER app@localhost; GRANT SELECT ON market.* TO app@localhost;
   CREATE DATABASE named; USE named; CREATE TABLE t (a INT); INSERT INTO t VALUES (1);
   CREATE TABLE boss (id INT PRIMARY KEY); CREATE TABLE worker (id INT PRIMARY KEY, boss INT REFERENCES boss (id));
   INSERT INTO boss VALUES (1); INSERT INTO worker VALUES (1, 1);
   CREATE PROCEDURE q() DELETE FROM named.t;
   CREATE VIEW w AS SELECT t.a FROM t JOIN market.parts p ON p.id = t.a;`,
);
await world.goodRun();

const NONE: SelectionWish = {
  ...{ tables: [], schemaOnly: false, as: null, asAnyway: false, events: 'keep' },
  definer: { kind: 'keep' },
};
const order: RestoreOrder = {
  host: await world.host(),
  inventory: await world.inventory(),
  from: 'store',
  databases: ['market'],
  accounts: false,
  overwrite: [],
  opening: {
    kind: 'key',
    privateKey: openPrivateKey(await readFile(world.keys.company, 'utf8'), world.keys.passphrase),
  },
  target: root,
  dryRun: false,
  emit: () => undefined,
  signal: new AbortController().signal,
};
/** A restore, with what it told on the way and how it failed. */
async function restored(wish: Partial<SelectionWish>, changes: Partial<RestoreOrder> = {}) {
  const told: FlowEvent[] = [];
  const selection = { ...NONE, ...wish };
  const end = await restore({ ...order, ...changes, selection, emit: (event) => told.push(event) }).then(
    (result) => ({ result, error: undefined }),
    (error: unknown) => ({ result: undefined, error: asCoffreError(error) }),
  );
  const warnings = told.flatMap((event) => (event.kind === 'warning' ? [event.text] : []));
  return { ...end, told, warnings };
}
const drop = async (...names: string[]) => {
  for (const name of names) await execute(root, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
};
const tablesIn = (database: string) =>
  queryLines(root, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${database}' ORDER BY 1`);
const AS = DatabaseName.parse('market old');
const only = (table: string) => [{ database: 'market', table }];

t.test('a database comes under another name beside its own, from every form of copy', async (t) => {
  for (const from of ['store', 'offsite:contractor']) {
    const { result, error } = await restored({ as: AS, events: 'disabled' }, { from });
    t.equal(error, undefined);
    t.strictSame(result?.compared, [AS]);
    t.strictSame(await tablesIn(AS), ['numbers', 'orders', 'parts', 'v']);
    t.strictSame(await queryLines(root, `SELECT STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '${AS}'`), [
      'DISABLED',
    ]);
    await execute(root, `INSERT INTO ${quoteIdentifier(AS)}.orders (t) VALUES ('x')`);
    t.strictSame(await queryLines(root, 'SELECT COUNT(*) FROM market.orders'), ['40'], 'its own is as it was');
    await drop(AS);
  }
});

t.test('what names its own database is refused under another name, with the list, unless asked to go on', async (t) => {
  const { error } = await restored({ as: AS }, { databases: ['named'] });
  t.match(error, { code: 'refused', exitCode: 8, findings: ['the routine q'], hint: /--as-anyway$/ });
  t.strictSame(await tablesIn(AS), []);
  const { result } = await restored({ as: AS, asAnyway: true }, { databases: ['named'] });
  t.strictSame(result?.compared, [AS]);
  await drop(AS);
  const both = await restored({ as: AS }, { databases: ['named', 'market'] });
  t.match(both.error, { code: 'usage', message: /2 databases as market old/ });
});

t.test('a table comes back into its database, and only where it is not there', async (t) => {
  const refused = await restored({ tables: only('orders') });
  t.match(refused.error, { code: 'refused', message: /market\.orders/, hint: /--as market_restored/ });
  await execute(root, 'DROP TABLE market.orders; DELETE FROM market.parts WHERE id > 3');
  const overwriting = await restored({ tables: only('orders') }, { overwrite: ['market'] });
  t.match(overwriting.error, { code: 'refused', message: /all others would be lost/ });
  const { result } = await restored({ tables: only('orders') });
  t.strictSame(result?.compared, ['market']);
  t.strictSame(
    await queryLines(root, 'SELECT (SELECT COUNT(*) FROM market.orders), (SELECT COUNT(*) FROM market.parts)'),
    ['40\t3'],
  );
  await execute(root, 'USE market; INSERT INTO parts SELECT seq FROM seq_4_to_30');
  const unknown = await restored({ tables: only('ordres') });
  t.match(unknown.error, { code: 'not-found', message: /cannot restore ordres/ });
  t.strictSame(await tablesIn('market'), ['numbers', 'orders', 'parts', 'v'], 'and nothing has gone');
});

t.test('a table comes alone into a database of another name, with its sequence', async (t) => {
  const { result } = await restored({ tables: only('orders'), as: AS });
  t.strictSame(result?.compared, [AS]);
  t.strictSame(await tablesIn(AS), ['numbers', 'orders']);
  await drop(AS);
});

t.test('a view without what it reads is refused before anything is loaded, with what to take', async (t) => {
  const refused = await restored({ tables: only('v'), as: AS });
  t.match(refused.error, {
    code: 'refused',
    message: 'cannot restore market as market old: a view reads what is left out: orders',
    hint: 'take that, too: --table market.orders',
    findings: ['the view v reads orders'],
  });
  t.strictSame(await tablesIn(AS), []);
  const { result } = await restored({ tables: [...only('v'), ...only('orders')], as: AS });
  t.strictSame(result?.compared, [AS]);
  await drop(AS);
  const later = await restored(
    { tables: [{ database: 'named', table: 'w' }], as: AS, asAnyway: true },
    { databases: ['named'] },
  );
  t.strictSame(later.result?.compared, [AS], 'one that names the old database goes on to read it there');
  await drop(AS);
});

t.test('a table that refers to one that is left out comes, and that it does is said', async (t) => {
  const tables = [{ database: 'named', table: 'worker' }];
  const { result, warnings } = await restored({ tables, as: AS }, { databases: ['named'] });
  t.strictSame(result?.compared, [AS]);
  const alone =
    'no row can be written that refers to a table which is not there: `worker` refers to `market old`.`boss`';
  t.strictSame(warnings, [alone]);
  await drop(AS);
  const both = await restored(
    { tables: [...tables, { database: 'named', table: 'boss' }], as: AS },
    { databases: ['named'] },
  );
  t.strictSame(both.warnings, []);
  await drop(AS);
});

t.test('nothing is to run as one whom the server does not have', async (t) => {
  const to = (...accounts: string[]): Partial<SelectionWish> => ({
    as: AS,
    definer: { kind: 'map', accounts: accounts.map((account) => ({ from: 'root@localhost', to: account })) },
  });
  const { error } = await restored(to('app@localhost', 'ap@localhost'), { databases: ['market'] });
  t.match(error, {
    code: 'refused',
    message: /^cannot make ap@localhost a definer: the server has no such account/,
    hint: /--accounts$/,
  });
  t.strictSame(await tablesIn(AS), []);
  await execute(
    root,
    'CREATE ROLE clerks; CREATE USER clerk@localhost; GRANT ALL ON *.* TO clerks; GRANT ALL ON *.* TO clerk@localhost',
  );
  for (const account of ['clerk@localhost', 'clerks']) {
    const { result, warnings } = await restored(to(account), { databases: ['market'] });
    t.strictSame(
      [result?.compared, warnings.filter((text) => /fails when it is used/.test(text))],
      [[AS], []],
      account,
    );
    await drop(AS);
  }
});

t.test('all comes without its rows', async (t) => {
  const { result } = await restored({ schemaOnly: true, as: AS });
  t.strictSame(result?.compared, [AS]);
  t.strictSame(await queryLines(root, `SELECT COUNT(*) FROM ${quoteIdentifier(AS)}.orders`), ['0']);
  await drop(AS);
});

t.test('what differs is said: object by object, with rows counted, and the accounts', async (t) => {
  // Between the load and the comparison somebody is at work.
  const work = `USE \`market old\`; DELETE FROM orders WHERE id < 3; DROP VIEW v; REVOKE SELECT ON market.* FROM app@localhost;`;
  const meddling = await pathWith(
    world.at('bin-meddling'),
    'mariadb-dump',
    `case "$*" in *'market old'*) [ -e ${world.at('done')} ] || mariadb --defaults-file=${world.adminOptions} -e '${work}'; : > ${world.at('done')};; esac
exec "$REAL" "$@"`,
  );
  const words = ['--database', 'market', '--accounts', '--as', 'market old'];
  const { exitCode, stderr } = await world.restore(words, { env: { PATH: meddling } });
  t.equal(exitCode, 5, stderr);
  for (const sentence of [
    'market old: the view `v` is missing',
    'market old: the table `orders` has 2 rows fewer than in the backup: 38 and not 40',
    '`app`@`localhost` lacks SELECT on `market`.*',
  ]) {
    t.match(stderr, sentence);
  }
  await drop(AS);
  await execute(root, 'GRANT SELECT ON market.* TO app@localhost');
});

t.test('another dump program: what there is is compared, and how it is written is not', async (t) => {
  const other = await pathWith(
    world.at('bin-other'),
    'mariadb-dump',
    `case "$*" in *--version*) echo 'mariadb-dump  Ver 10.19 Distrib 10.11.1-MariaDB';; *) exec "$REAL" "$@";; esac`,
  );
  const words = ['--database', 'market', '--as', 'market old'];
  const { exitCode, stdout, stderr } = await world.restore(words, { env: { PATH: other } });
  t.equal(exitCode, 0, stderr);
  t.match(stderr, /^ +market old: compared object by object \(2 tables with 70 rows.*: all of it is the same$/m);
  t.match(stdout, /^market +loaded as market old .* the same$/m, 'what it has is what was sealed, row by row');
  await drop(AS);
  // Its own way to write, in one place: of that alone nobody can tell.
  const odd = await pathWith(
    world.at('bin-odd'),
    'mariadb-dump',
    `case "$*" in *--version*) echo 'mariadb-dump  Ver 10.19 Distrib 10.11.1-MariaDB';; *) "$REAL" "$@" | sed 's/DEFAULT CHARSET=/DEFAULT  CHARSET=/';; esac`,
  );
  const undecided = await world.restore(words, { env: { PATH: odd } });
  t.equal(undecided.exitCode, 3, undecided.stderr);
  t.match(
    undecided.stderr,
    /^warning: market old: compared object by object .* nobody can tell whether it is the same: .*the table `orders` is made in another way/m,
  );
  t.match(undecided.stdout, /^market +loaded as market old .* -$/m);
  await drop(AS);
});

t.test('by the task', async (t) => {
  const ended = await world.restore([
    '--table',
    'market.orders',
    '--as',
    'market old',
    '--definer',
    'invoker',
    '--events',
    'disabled',
  ]);
  t.equal(ended.exitCode, 0, ended.stderr);
  t.match(
    ended.stdout,
    /^market +loaded as market old, only orders, with other definers, its events disabled +1 .* the same$/m,
  );
  t.strictSame(await tablesIn(AS), ['numbers', 'orders']);
  await drop(AS);
  for (const [words, message] of [
    [['--table', 'orders'], /cannot read --table orders/],
    [['--as', 'x'], /cannot restore 4 databases as x/],
    [['--definer', 'nobody'], /one of: keep, invoker, map/],
    [['--definer-map', 'a'], /it is no OLD=NEW/],
    [['--definer', 'map'], /no pair is given/],
    [['--table', 'crm.customer', '--as-replica', '--primary', '127.0.0.1:1'], /cannot make a replica of a part/],
  ] as const) {
    const refused = await world.restore(words);
    t.equal(refused.exitCode, 2, words.join(' '));
    t.match(refused.stderr, message);
  }
});
