import t from 'tap';
import * as z from 'zod';
import { archiveDump } from '../../lib/archive/archive-stream.ts';
import { chooseCompressor } from '../../lib/archive/compressor.ts';
import { openArchive } from '../../lib/archive/open-archive.ts';
import { SectionDigester } from '../../lib/archive/section-digester.ts';
import { Barrier } from '../../lib/database/barrier.ts';
import { execute, query, queryLines } from '../../lib/database/client.ts';
import { dumpDatabase, dumpLane } from '../../lib/database/dump-database.ts';
import { inspectServer, type ServerFacts } from '../../lib/database/inspect-server.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { Session } from '../../lib/database/session.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import type { LaneRows } from '../../lib/model/lanes.ts';
import type { DatabaseName } from '../../lib/model/names.ts';
import { sleep } from '../../lib/system/clock.ts';
import { start, terminate } from '../../lib/system/command.ts';
import { bytesOf, collect } from '../bytes.ts';
import { readSnapshot, textsOf } from '../fixture/dumps.ts';
import { runSql, serverFor } from '../fixture/servers.ts';

const BANKS = ['one', 'two', 'three'];

/** Moves money between three databases, in one transaction each time, without end. */
function mover(server: ThrowawayServer) {
  const client = start('mariadb', ['--no-defaults', '--user=root', `--socket=${server.socket}`]);
  client.stdin.write(`DELIMITER //
    BEGIN NOT ATOMIC
      LOOP
        START TRANSACTION;
        UPDATE one.account SET amount = amount - 3 WHERE id = 1;
        UPDATE two.account SET amount = amount + 2 WHERE id = 1;
        DO SLEEP(0.001);
        UPDATE three.account SET amount = amount + 1 WHERE id = 1;
        COMMIT;
      END LOOP;
    END//
  `);
  return client;
}

async function bankServer(t: Parameters<typeof serverFor>[0], options = {}) {
  const server = await serverFor(t, options);
  const make = (bank: string) =>
    `CREATE DATABASE ${bank}; CREATE TABLE ${bank}.account (id INT PRIMARY KEY, amount BIGINT);
     INSERT INTO ${bank}.account VALUES (1, 1000);`;
  await runSql(server, BANKS.map(make).join('\n'));
  return server;
}

function total(texts: ReadonlyMap<string, string>): number {
  const amounts = BANKS.map((bank) => Number(/\(1,(-?\d+)\)/.exec(texts.get(bank) ?? '')?.[1]));
  return amounts.reduce((sum, each) => sum + each, 0);
}

t.test('money that is moved between databases is all there, whatever barrier there is', async (t) => {
  const server = await bankServer(t, { logBin: true });
  const facts = await inspectServer(server.root, { exclude: [] });
  const busy = mover(server);
  for (const parallel of [1, 2, 4]) {
    const snapshot = await openSnapshot(server.root, facts, { parallel });
    t.equal(total(await textsOf(snapshot)), 3000, `${parallel} at a time`);
    t.match(snapshot.record, { barrier: 'backup-stage', fallback: null, dumps: Math.min(parallel, 3) + 1 });
    await snapshot.close();
  }

  const limits = { lockWaitMs: 1000 };
  for (const fallback of ['fail', 'single-dump'] as const) {
    const other = await Session.open(server.root);
    await other.execute('CREATE TABLE IF NOT EXISTS one.held (a INT); LOCK TABLES one.held WRITE');
    const opening = openSnapshot(server.root, facts, { limits, fallback, parallel: 4 });
    if (fallback === 'fail') await t.rejects(opening, { code: 'lock-timeout', hint: /PROCESSLIST/ });
    else {
      const snapshot = await opening;
      const reading = textsOf(snapshot);
      await other.execute('UNLOCK TABLES'); // until then even a dump cannot read this table
      t.equal(total(await reading), 3000, 'in one dump of all');
      t.match(snapshot.record, { barrier: 'single-dump', heldMs: 0, fallback: 'lock-timeout', dumps: 1 });
      t.ok((snapshot.record.waitedMs ?? 0) >= 2500, `waited for ${snapshot.record.waitedMs} ms`);
      t.match(snapshot.record.positions, [{ kind: 'group', databases: 3 }, { kind: 'accounts' }]);
      t.match(snapshot.record.gtid, /^0-1-\d+$/, 'the GTID of the position that the dump told');
      t.match(snapshot.fallback, { code: 'lock-timeout', hint: /PROCESSLIST/ });
      await snapshot.close();
    }
    await other.close();
  }
  terminate(busy.child);
  await busy.ended;
});

t.test('when not all have started in time, commits are free again, and one dump does it', async (t) => {
  const server = await bankServer(t);
  const facts = await inspectServer(server.root, { exclude: [] });
  const snapshot = await openSnapshot(server.root, facts, { limits: { holdMs: 1 } });
  t.match(snapshot.record, { barrier: 'single-dump', fallback: 'hold-limit', binlog: null });
  t.equal(total(await textsOf(snapshot)), 3000);
  await snapshot.close();
});

t.test('the server itself lets go when nothing is heard of a backup that holds commits back', async (t) => {
  const server = await bankServer(t);
  const barrier = await Barrier.open(server.root, 'backup-stage', { lockWaitMs: 1000, holdMs: 1000 });
  await barrier.holdSchema();
  await barrier.holdCommits();
  const from = performance.now();
  await runSql(server, 'UPDATE one.account SET amount = 5');
  const waitedMs = performance.now() - from;
  t.ok(waitedMs > 500 && waitedMs < 15_000, `a writer waited for ${Math.round(waitedMs)} ms`);
  await t.rejects(barrier.release());
  await barrier.close();
});

t.test('sixty databases over few connections, with the lock held but for a moment', async (t) => {
  const server = await serverFor(t, { logBin: true, extra: ['--max-connections=10'] });
  const names = Array.from({ length: 60 }, (_, n) => `d${n}`);
  await runSql(
    server,
    names
      .map((name) => `CREATE DATABASE ${name}; CREATE TABLE ${name}.t (a INT); INSERT INTO ${name}.t VALUES (7);`)
      .join('\n'),
  );
  const facts = await inspectServer(server.root, { exclude: [] });
  const snapshot = await openSnapshot(server.root, facts, { parallel: 16 });
  t.match(snapshot.record, { barrier: 'backup-stage', fallback: null });
  t.equal(snapshot.record.dumps, 6, `beside the session that holds the lock, and 3 for others: ${snapshot.plan}`);
  t.ok(snapshot.record.heldMs < 5000, `held for ${snapshot.record.heldMs} ms`);
  const texts = await textsOf(snapshot);
  t.ok(names.every((name) => /\(7\)/.test(texts.get(name) ?? '')));
  t.ok(names.every((name) => texts.get(name)?.includes('-- Dump completed')));
  await snapshot.close();

  const others: Session[] = [];
  for (let n = 0; n < 8; n += 1) others.push(await Session.open(server.root));
  const crowded = { parallel: 3, fallback: 'fail' } as const;
  await t.rejects(openSnapshot(server.root, facts, crowded), { code: 'too-many-connections', exitCode: 7 });
  const single = await openSnapshot(server.root, facts, { parallel: 3 });
  t.match(single.record, { barrier: 'single-dump', fallback: 'too-many-connections' }, 'others have come meanwhile');
  t.equal((await textsOf(single)).size, 61);
  await single.close();
  await Promise.all(others.map((session) => session.close()));
});

t.test('locks tables without transactions until they are dumped, where that is asked for', async (t) => {
  const server = await bankServer(t);
  await runSql(server, 'CREATE TABLE two.old (a INT) ENGINE=MyISAM; INSERT INTO two.old VALUES (1);');
  const facts = await inspectServer(server.root, { exclude: [] });
  const listed = await openSnapshot(server.root, facts);
  t.same(listed.dumps.find(({ database }) => database === 'two')?.notPointInTime, [{ table: 'old', engine: 'MyISAM' }]);
  await listed.close();

  const snapshot = await openSnapshot(server.root, facts, { nonTransactional: 'lock', parallel: 1 });
  t.match(snapshot.record, { lockedTables: 1, barrier: 'backup-stage' });
  t.ok(snapshot.dumps.every(({ notPointInTime }) => notPointInTime.length === 0));
  let written = false;
  const writing = runSql(server, 'INSERT INTO two.old VALUES (2)').then(() => {
    written = true;
  });
  await sleep(1500);
  t.notOk(written, 'a writer waits');
  t.notMatch((await textsOf(snapshot)).get('two'), /\(2\)/);
  await writing;
  t.ok(written, 'and goes on after the dump, before the snapshot is closed');
  await snapshot.close();
});

t.test('the lanes of a table are the table, each row once', async (t) => {
  const server = await serverFor(t, { logBin: true });
  await runSql(
    server,
    `CREATE DATABASE shop; USE shop; CREATE TABLE small (a INT); INSERT INTO small VALUES (1);
     CREATE TABLE big (id BIGINT PRIMARY KEY, v VARCHAR(200));
     INSERT INTO big SELECT CAST(seq AS SIGNED) * 3 - 9000, REPEAT('v', 100) FROM seq_1_to_20000;
     CREATE TRIGGER tr BEFORE INSERT ON big FOR EACH ROW SET @a = 1; ANALYZE TABLE big;`,
  );
  const facts = asLarge(await inspectServer(server.root, { exclude: [] }), 'big', 'id');
  const snapshot = await openSnapshot(server.root, facts, { parallel: 4 });
  const shop = snapshot.dumps.find(({ database }) => database === 'shop');
  const lanes = shop?.laned?.lanes ?? [];
  t.equal(lanes.length, 3, snapshot.plan);
  t.match(
    snapshot.record.positions?.map(({ kind, table, part }) => [kind, table, part]),
    [
      ['group', null, null],
      ['lane', 'big', 1],
      ['lane', 'big', 2],
      ['lane', 'big', 3],
      ['accounts', null, null],
    ],
  );
  t.same(shop?.dumpers, [0, 1, 2, 3]);
  const [texts, ...parts] = await Promise.all([
    textsOf(snapshot),
    ...lanes.map(async ({ rows: [rows], stream }) => ({ rows, text: (await collect(stream)).toString() })),
  ]);
  await snapshot.close();
  t.notMatch(texts?.get('shop'), /INSERT INTO `big`/);
  t.match(texts?.get('shop'), /TRIGGER/);
  const rows = (text: string) => [...text.matchAll(/^\((-?\d+),'v+'\)/gm)].map((match) => Number(match[1]));
  const found = (parts as { text: string }[]).map(({ text }) => rows(text));
  t.ok(
    found.every((each) => each.length > 3000),
    found.map((each) => each.length).join(' '),
  );
  t.same(
    found.flat().sort((a, b) => a - b),
    Array.from({ length: 20_000 }, (_, n) => (n + 1) * 3 - 9000),
  );
  const [first] = parts as { rows: LaneRows; text: string }[];
  const again = await dumpLane(server.root, 'shop' as never, first ? [first.rows] : []);
  t.same(
    sectionsOf((await collect(again.stream)).toString()),
    sectionsOf(first?.text ?? ''),
    'dumped once more it is the same',
  );
});

t.test('a database of many tables goes beside itself in batches, and comes back whole', async (t) => {
  const server = await serverFor(t, { logBin: true });
  const names = Array.from({ length: 30 }, (_, n) => `t${n}`);
  const table = (name: string) =>
    `CREATE TABLE ${name} (a VARCHAR(40)); INSERT INTO ${name} SELECT CONCAT('${name} ', seq) FROM seq_1_to_50;`;
  await runSql(server, `CREATE DATABASE shop; USE shop; ${names.map(table).join('')} CREATE TABLE rest (a INT);`);
  const facts = await inspectServer(server.root, { exclude: [] });
  const tables = names.map((table) => ({ table, key: null, dataBytes: 50 * 1024 ** 2 }));
  const databases = facts.databases.map((each) => ({ ...each, dataBytes: 1500 * 1024 ** 2, tables }));
  const snapshot = await openSnapshot(server.root, { ...facts, databases }, { parallel: 3 });
  t.match(snapshot.plan, '20 tables of shop in 2 lanes, and the accounts: 4 connections at a time');
  t.match(
    snapshot.record.positions?.map(({ kind, table, part, tables }) => [kind, table, part, tables]),
    [
      ['group', null, null, undefined],
      ['lane', null, null, 10],
      ['lane', null, null, 10],
      ['accounts', null, null, undefined],
    ],
  );
  const compressor = await chooseCompressor('auto');
  const archives = new Map<DatabaseName | null, Buffer>();
  await readSnapshot(snapshot, async ({ database, laned }, stream) => {
    archives.set(database, await collect(archiveDump(stream, laned, compressor).stream));
  });
  await snapshot.close();
  const shop = 'shop' as DatabaseName;
  await execute(server.root, 'DROP DATABASE shop');
  const opened = openArchive(bytesOf(archives.get(shop) ?? Buffer.alloc(0)));
  await loadSql(server.root, opened.sql, shop);
  const { sections } = await opened.digests;
  t.equal(sections.filter(({ kind }) => kind === 'rows').length, 20);
  const expected = new Map([[shop, sections]]);
  t.same(compareContent(expected, await readContent(server.root, [shop], expected)), []);
  t.same(await queryLines(server.root, 'SELECT COUNT(*), MAX(a) FROM shop.t29'), ['50\tt29 9']);
});

/** As if the table were most of a large server. */
function asLarge(facts: ServerFacts, table: string, key: string): ServerFacts {
  const dataBytes = 1024 ** 3;
  const databases = facts.databases.map((each) => ({ ...each, dataBytes, tables: [{ table, key, dataBytes }] }));
  return { ...facts, databases };
}

function sectionsOf(sql: string) {
  const digester = new SectionDigester();
  for (const piece of [...digester.push(Buffer.from(sql)), ...digester.end()]) digester.add(piece, 1);
  return digester.digests().sections.filter(({ kind }) => kind !== 'preamble' && kind !== 'trailer');
}

t.test('a small dump that has ended long before it is read is all there', async (t) => {
  const server = await bankServer(t);
  const stream = await dumpDatabase(server.root, 'one' as never);
  await sleep(2500);
  t.match((await collect(stream)).toString(), /\(1,1000\)[\s\S]*-- Dump completed/);
});

t.test('when a dump fails, the others of its program fail, and nothing is left on the server', async (t) => {
  const server = await bankServer(t);
  // More than a pipe takes, so that the program is still at the first database.
  await runSql(
    server,
    `CREATE TABLE one.large (x TEXT); INSERT INTO one.large SELECT REPEAT('y', 10000) FROM mysql.help_topic LIMIT 500;
     ANALYZE TABLE one.large;`,
  );
  const facts = await inspectServer(server.root, { exclude: [] });
  const snapshot = await openSnapshot(server.root, facts, { parallel: 1 });
  await runSql(server, 'TRUNCATE TABLE three.account');
  await t.rejects(
    readSnapshot(snapshot, async (_, stream) => void (await collect(stream))),
    { code: 'schema-changed' },
  );
  await snapshot.close();
  const Row = z.object({ n: z.int() });
  const left = "SELECT JSON_OBJECT('n', COUNT(*)) FROM information_schema.PROCESSLIST WHERE USER = 'root'";
  t.match(await query(server.root, left, Row), [{ n: 1 }]);
});
