import { execFileSync } from 'node:child_process';
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import { execute, query } from '../../lib/database/client.ts';
import { quoteIdentifier, quoteString } from '../../lib/database/sql-text.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { recoverByHand } from '../../lib/flow/recover-by-hand.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { flipped, whileDamaged } from '../fixture/damage.ts';
import { addDriller } from '../fixture/driller.ts';
import { EXPORT, OFFSITE, runsAt, STORE } from '../fixture/nothing-half-done.ts';
import { publishedManifests } from '../fixture/published.ts';
import { bareReplica, follow, REPLICATION, until } from '../fixture/replica-pair.ts';
import { runSql, serverFor } from '../fixture/servers.ts';
import { eventsOf } from '../fixture/task.ts';
import { type HostYaml, worldFor } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * A host whose names of databases are confidential: nothing that leaves it has one, and whoever has a key gets all of them back,
 * from any copy, with and without this software.
 */

t.setTimeout(600_000);
const world = await worldFor(t, { shopRows: 2, network: true });
await addDriller(world);
const CLINIC = 'Onkologie “Süd”';
const TABLE = 'befunde_vertraulich';
await runSql(
  world.server,
  `CREATE DATABASE ${quoteIdentifier(CLINIC)}; USE ${quoteIdentifier(CLINIC)};
   CREATE TABLE ${TABLE} (id INT PRIMARY KEY, s TEXT) ENGINE=MyISAM; INSERT INTO ${TABLE} VALUES (1, 'x'), (2, 'y');
   CREATE TABLE termine (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO termine VALUES (7);
   CREATE VIEW uebersicht AS SELECT s FROM ${TABLE};`,
);
const NAMES = [CLINIC, 'shop', 'crm'].map((name) => DatabaseName.parse(name));
const truth = await readContent(world.server.root, NAMES);
const SECRETS = [CLINIC, 'Onkologie', '%22Onk', TABLE];
const HASH = /^h-[0-9a-f]{32}$/;

const hostFile = join(world.inventoryFolder, 'hosts/db1.yaml');
const settings = async () => parse(await readFile(hostFile, 'utf8')) as HostYaml;
async function change(changes: Readonly<Record<string, unknown>>): Promise<void> {
  await writeFile(hostFile, stringify({ ...(await settings()), ...changes }, { lineWidth: 0 }));
}

const newest = async () => (await runsAt(world, STORE)).at(-1) ?? '';
const hashesOf = (index: number) =>
  (
    publishedManifests(world)
      .filter(({ kind }) => kind === 'backup')
      .at(index)?.archives ?? []
  ).flatMap(({ database }) => database ?? []);

async function dropped(server = world.server): Promise<void> {
  for (const name of NAMES) await execute(server.root, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
}

async function assertAllIsBack(t: Test, names = NAMES, server = world.server): Promise<void> {
  const expected = new Map([...truth].filter(([name]) => names.includes(name)));
  t.strictSame(compareContent(expected, await readContent(server.root, names)), [], 'all is back, and the same');
}

function assertNoName(t: Test, what: string, text: string | Buffer): void {
  t.strictSame(
    SECRETS.filter((name) => text.includes(name)),
    [],
    `${what} gives no name away`,
  );
}

await change({ names: 'hashed' });
await world.goodRun();
const first = await newest();

t.test('nothing that was published, stored, exported or shipped gives a name away', async (t) => {
  const [manifest] = publishedManifests(world);
  t.match(manifest?.archives, [{}, {}, {}, {}]);
  t.equal(hashesOf(0).length, 3);
  t.ok(hashesOf(0).every((name) => HASH.test(name)));
  const named = manifest?.archives.flatMap(({ notPointInTime = [] }) => notPointInTime.map(({ table }) => table));
  t.equal(named?.length, 1, 'the table without transactions is named, too');
  t.match(named?.[0], HASH);
  const objects = execFileSync('git', ['-C', world.auditRepository, 'cat-file', '--batch-all-objects', '--batch']);
  t.ok(objects.includes(hashesOf(0)[0] ?? '?'), 'they are looked at as they are');
  assertNoName(t, 'the audit repository', objects);
  for (const place of [STORE, EXPORT, OFFSITE]) {
    const files = await readdir(world.at(place), { recursive: true });
    assertNoName(t, `the files of ${place}`, files.join('\n'));
    t.ok(files.includes(`${first}/names.json.enc`), place);
    for (const file of files) {
      const path = world.at(place, file);
      if ((await stat(path)).isFile()) assertNoName(t, path, await readFile(path));
    }
  }
  t.equal((await stat(world.at('host/etc/coffre/names.key'))).mode & 0o777, 0o600);
});

t.test('what needs no key says the hashes', async (t) => {
  const [hash = ''] = hashesOf(0);
  for (const [verb, ...words] of [
    ['list', '--json'],
    ['list', '--from', 'audit', '--json'],
    ['verify'],
    ['report', '--out', world.at('page.html')],
  ] as const) {
    const { exitCode, stdout, stderr } = await world.task(verb, words);
    t.equal(exitCode, 0, stdout + stderr);
    assertNoName(t, verb, stdout + stderr);
    if (words.at(-1) === '--json') t.ok(stdout.includes(hash), verb);
  }
  assertNoName(t, 'the page', await readFile(world.at('page.html')));
});

const Row = z.object({ text: z.string() });
const gtidOf = async ({ root }: ThrowawayServer, name: string) =>
  (await query(root, `SELECT JSON_OBJECT('text', @@GLOBAL.${name})`, Row))[0]?.text;

t.test('a run from a replica has the hashes of the primary, and no name either', async (t) => {
  const primary = world.server;
  await execute(
    primary.root,
    `CREATE USER repl@'127.0.0.1' IDENTIFIED BY ${quoteString(REPLICATION.password)}; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1';
     GRANT SLAVE MONITOR, REPLICATION SLAVE ADMIN ON *.* TO bkpuser@localhost`,
  );
  const replica = await bareReplica(t, 31);
  await execute(replica.root, "SET GLOBAL gtid_slave_pos = ''");
  await follow(replica, primary);
  const { database } = await settings();
  await until(
    'the replica has all',
    async () => (await gtidOf(replica, 'gtid_slave_pos')) === (await gtidOf(primary, 'gtid_binlog_pos')),
  );
  await change({ database: { ...database, socket: replica.socket, replica: {} } });
  await world.goodRun().finally(() => change({ database }));
  const run = await newest();
  t.match(publishedManifests(world).at(-1), {
    run,
    server: { replication: { sources: [{}] } },
    names: { kind: 'hashed' },
  });
  t.strictSame([...hashesOf(-1)].sort(), [...hashesOf(0)].sort());
  const objects = execFileSync('git', ['-C', world.auditRepository, 'cat-file', '--batch-all-objects', '--batch']);
  assertNoName(t, 'the audit repository', objects);
  await dropped();
  const restored = await world.restore(['--run', run, '--from', 'offsite:contractor']);
  t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
  await assertAllIsBack(t);
});

t.test('a plan, and a restore from the store, by real names', async (t) => {
  await dropped();
  const words = ['--database', CLINIC, '--from', 'store', '--json'];
  const planned = await world.restore([...words, '--dry-run']);
  t.equal(planned.exitCode, 0, planned.stdout + planned.stderr);
  t.match(eventsOf(planned).at(-1), { data: { plan: { archives: [{ database: CLINIC }] } } });
  const unknown = await world.restore(['--database', hashesOf(0)[0] ?? '', '--from', 'store']);
  t.equal(unknown.exitCode, 2, unknown.stderr);
  t.match(unknown.stderr, /has no such database/);
  const restored = await world.restore(words);
  t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
  await assertAllIsBack(t, [NAMES[0] as DatabaseName]);
});

t.test('all of it from the offsite, and one table', async (t) => {
  await dropped();
  const restored = await world.restore(['--from', 'offsite:contractor']);
  t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
  await assertAllIsBack(t);
  await execute(world.server.root, `DROP TABLE ${quoteIdentifier(CLINIC)}.${TABLE}`);
  const table = await world.restore(['--table', `${quoteIdentifier(CLINIC)}.${TABLE}`, '--from', 'offsite:contractor']);
  t.equal(table.exitCode, 0, table.stdout + table.stderr);
  await assertAllIsBack(t);
});

t.test('by hand, in the words of RECOVERY.txt, from the store, the export and the offsite', async (t) => {
  const target = await serverFor(t);
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const clientOptions = join(folder, 'my.cnf');
  await writeFile(clientOptions, `[client]\nuser = root\nsocket = "${target.socket}"\n`, { mode: 0o600 });
  const access = { recipient: 'company', privateKeyPath: world.keys.company, passphrase: world.keys.passphrase };
  for (const place of [STORE, EXPORT, OFFSITE]) {
    await dropped(target);
    await recoverByHand({ runFolder: world.at(place, first), ...access, clientOptions });
    await assertAllIsBack(t, NAMES, target);
  }
});

t.test('a drill goes by real names, and its record has none', async (t) => {
  const ended = await world.task('drill', ['--json']);
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  t.match(eventsOf(ended).at(-1), { data: [{ record: { outcome: 'succeeded', proof: { databases: 3 } } }] });
  t.equal((await world.task('validate', [])).exitCode, 0);
  const objects = execFileSync('git', ['-C', world.auditRepository, 'cat-file', '--batch-all-objects', '--batch']);
  assertNoName(t, 'the audit repository', objects);
});

t.test('a copy whose list of names is damaged or gone is found out, and the next one is taken', async (t) => {
  const list = world.at(STORE, await newest(), 'names.json.enc');
  const judge = async (why: RegExp) => {
    const verified = await world.task('verify', []);
    t.equal(verified.exitCode, 5, verified.stdout);
    t.match(verified.stdout + verified.stderr, why);
    const words = ['--database', CLINIC, '--overwrite', CLINIC];
    const only = await world.restore([...words, '--from', 'store']);
    t.equal(only.exitCode, 5, only.stderr);
    t.match(only.stderr, /names\.json\.enc/);
    const next = await world.restore(words);
    t.equal(next.exitCode, 0, next.stdout + next.stderr);
    await assertAllIsBack(t);
  };
  await whileDamaged(list, flipped, () => judge(/names\.json\.enc.* is not as it was written/));
  await rename(list, `${list}.away`);
  await judge(/names\.json\.enc.* is missing/);
  await rename(`${list}.away`, list);
});

/** Of the table `gross`, as the server has them. */
const keysOfTheLargeTable = () =>
  query(
    world.server.root,
    `SELECT JSON_OBJECT('key', INDEX_NAME, 'column', COLUMN_NAME) FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = ${quoteString(CLINIC)} AND TABLE_NAME = 'gross' ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
    z.object({ key: z.string(), column: z.string() }),
  );

t.test(
  'by zstd, to an offsite that was away: a later run delivers the list, too, and large tables have their keys',
  async (t) => {
    // Larger than what makes a restore take the keys away until the rows are in.
    await runSql(
      world.server,
      `USE ${quoteIdentifier(CLINIC)}; CREATE TABLE gross (id INT PRIMARY KEY, a CHAR(32), b CHAR(250), KEY by_a (a), KEY by_b (b(9)));
     INSERT INTO gross SELECT seq, MD5(seq), REPEAT(MD5(-seq), 7) FROM seq_1_to_40000;`,
    );
    const keys = await keysOfTheLargeTable();
    t.equal(keys.length, 3);
    const expected = await readContent(world.server.root, NAMES);
    await change({ compression: { program: 'zstd', level: 1 } });
    const { offsite } = await settings();
    await change({ offsite: offsite.map((each) => ({ ...each, port: 1 })) });
    const owing = await world.task('backup', []);
    await change({ offsite });
    t.equal(owing.exitCode, 3, owing.stdout + owing.stderr);
    t.ok(owing.stdout.includes(`\n${CLINIC} `), 'whoever runs it is told the names');
    const run = await newest();
    t.notOk((await runsAt(world, OFFSITE)).includes(run));
    await world.goodRun();
    t.match(publishedManifests(world).at(-1)?.deliveries, [{ run, offsite: 'contractor' }]);
    for (const file of await readdir(world.at(OFFSITE, run))) {
      assertNoName(t, `the name of ${file}`, file);
      assertNoName(t, file, await readFile(world.at(OFFSITE, run, file)));
    }
    for (const place of [STORE, EXPORT, OFFSITE])
      t.ok((await readdir(world.at(place, run))).includes('names.json.enc'), place);
    t.ok((await readdir(world.at(STORE, run))).some((file) => /^h-[0-9a-f]{32}\.tar\.zst\.enc$/.test(file)));
    for (const from of ['store', 'offsite:contractor']) {
      await dropped();
      const restored = await world.restore(['--run', run, '--from', from]);
      t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
      t.strictSame(compareContent(expected, await readContent(world.server.root, NAMES)), [], from);
      t.strictSame(await keysOfTheLargeTable(), keys, from);
    }
    await execute(world.server.root, `DROP TABLE ${quoteIdentifier(CLINIC)}.gross`);
    await change({ compression: {} });
  },
);

t.test('the setting can change from night to night', async (t) => {
  await change({ names: 'plain' });
  await world.goodRun();
  const plain = await newest();
  t.strictSame([...hashesOf(-1)].sort(), [...NAMES].sort());
  t.notOk((await readdir(world.at(STORE, plain))).includes('names.json.enc'));
  await change({ names: 'hashed' });
  await world.goodRun();
  t.strictSame([...hashesOf(-1)].sort(), [...hashesOf(0)].sort(), 'the same name has the same hash as before');
  for (const run of [first, plain, await newest()]) {
    const restored = await world.restore(['--run', run, '--database', CLINIC, '--overwrite', CLINIC]);
    t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
    await assertAllIsBack(t);
  }
  await change({ retention: { store: { daily: 1 }, export: { daily: 1 }, offsite: { daily: 1 } } });
  for (const verb of ['prune', 'list', 'verify', 'validate']) {
    const { exitCode, stdout, stderr } = await world.task(verb, []);
    t.equal(exitCode, 0, `${verb}: ${stdout}${stderr}`);
  }
});
