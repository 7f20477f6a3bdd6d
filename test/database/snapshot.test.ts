import t from 'tap';
import * as z from 'zod';
import { SectionDigester } from '../../lib/archive/section-digester.ts';
import { execute, query } from '../../lib/database/client.ts';
import { dumpDatabase } from '../../lib/database/dump-database.ts';
import { inspectServer } from '../../lib/database/inspect-server.ts';
import { openSnapshot } from '../../lib/database/snapshot.ts';
import { samePosition } from '../../lib/database/snapshot-record.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { start, terminate } from '../../lib/system/command.ts';
import { collect } from '../bytes.ts';
import { textsOf } from '../fixture/dumps.ts';
import { runSql, serverFor } from '../fixture/servers.ts';
import { until } from '../until.ts';

/** Every section but the two ends, which are about the dump. */
async function digestsOf(sql: string) {
  const digester = new SectionDigester();
  for (const piece of [...digester.push(Buffer.from(sql)), ...digester.end()]) digester.add(piece, 1);
  const { sections, counts } = digester.digests();
  return { counts, sections: sections.filter(({ kind }) => kind !== 'preamble' && kind !== 'trailer') };
}

const BANKS = ['one', 'two', 'three'];

/** Moves a counter on in one transaction over three databases, again and again. */
function writer(server: ThrowawayServer) {
  const client = start('mariadb', ['--no-defaults', '--user=root', `--socket=${server.socket}`]);
  client.stdin.write(`DELIMITER //
    BEGIN NOT ATOMIC
      LOOP
        START TRANSACTION;
        ${BANKS.map((bank) => `UPDATE ${bank}.counter SET n = n + 1;`).join(' ')}
        COMMIT;
      END LOOP;
    END//
  `);
  return client;
}

for (const { logBin, barrier } of [
  { logBin: true, barrier: 'backup-stage' },
  { logBin: false, barrier: 'backup-stage' },
  { logBin: false, barrier: 'read-lock' },
] as const) {
  t.test(`sees all databases at one point: ${barrier}, binary log ${logBin ? 'on' : 'off'}`, async (t) => {
    const server = await serverFor(t, { logBin });
    const create = BANKS.map(
      (bank) =>
        `CREATE DATABASE ${bank}; CREATE TABLE ${bank}.counter (n INT); INSERT INTO ${bank}.counter VALUES (0);`,
    );
    await runSql(server, create.join('\n'));
    const facts = await inspectServer(server.root, { exclude: [] });
    const busy = writer(server);
    const seen: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const snapshot = await openSnapshot(server.root, facts, {
        ...{ barrier, parallel: round < 2 ? 4 : 2 },
        limits: { lockWaitMs: 60_000, holdMs: 60_000 }, // a busy machine is no reason to fall back
      });
      const counters: number[] = [];
      for (const [database, sql] of await textsOf(snapshot)) {
        if (database !== '') counters.push(Number(/INSERT INTO `counter` VALUES\n\((\d+)\)/.exec(sql)?.[1]));
      }
      await snapshot.close();
      t.equal(new Set(counters).size, 1, counters.join(' '));
      t.match(snapshot.record, { barrier, dumps: round < 2 ? 4 : 3, fallback: null });
      t.equal(snapshot.record.positions?.length, snapshot.record.dumps);
      t.ok(snapshot.record.heldMs < 10_000);
      t.equal(snapshot.record.binlog !== null, logBin);
      t.equal(snapshot.record.gtid !== null, logBin);
      seen.push(counters[0] ?? 0);
    }
    terminate(busy.child);
    await busy.ended;
    t.equal(new Set(seen).size, seen.length, 'the writer went on between the snapshots');
  });
}

t.test('splits a group into dumps that are as if each database had been dumped alone', async (t) => {
  const server = await serverFor(t, { logBin: true });
  await runSql(
    server,
    `CREATE DATABASE a; CREATE DATABASE \`b\nb\`; CREATE DATABASE \`-- Current Database: \`\`c\`\`\`; CREATE DATABASE empty;
     CREATE TABLE a.t (x INT, s TEXT); INSERT INTO a.t VALUES (1, '\\n--\\n-- Current Database: \`a\`\\n--\\n');
     CREATE VIEW a.v AS SELECT x FROM a.t; CREATE VIEW a.w AS SELECT x FROM a.v;
     CREATE TABLE \`b\nb\`.u (x INT); CREATE VIEW \`b\nb\`.v AS SELECT x FROM a.t;
     DELIMITER //
     CREATE PROCEDURE a.p() BEGIN
--
-- Current Database: \`empty\`
--
       SELECT 1; END//
     CREATE EVENT a.e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1//
     DELIMITER ;
     CREATE TABLE \`-- Current Database: \`\`c\`\`\`.t (x INT);`,
  );
  const facts = await inspectServer(server.root, { exclude: [] });
  const snapshot = await openSnapshot(server.root, facts, { parallel: 1 });
  t.same(
    snapshot.dumpers.map(({ dumps }) => dumps.length),
    [4, 1],
  );
  const texts = await textsOf(snapshot);
  await snapshot.close();
  t.equal(texts.size, 5);
  for (const { name } of facts.databases) {
    const alone = (await collect(await dumpDatabase(server.root, name))).toString();
    t.same(await digestsOf(texts.get(name) ?? ''), await digestsOf(alone), JSON.stringify(name));
    t.notMatch(texts.get(name), /^-- Host: .*Database:/m, 'nothing at the top names another database');
    t.match(texts.get(name), /\n-- Dump completed on .*\n$/);
  }
});

t.test('dumps a database that was made after the inspection', async (t) => {
  const server = await serverFor(t);
  await runSql(server, 'CREATE DATABASE early; CREATE DATABASE scratch;');
  const facts = await inspectServer(server.root, { exclude: ['scratch'] });
  await runSql(server, 'CREATE DATABASE late; CREATE TABLE late.t (a INT);');
  const snapshot = await openSnapshot(server.root, facts);
  t.same(snapshot.dumps.map(({ database }) => database).sort(), ['early', 'late', null]);
  t.equal(snapshot.dumps.find(({ database }) => database === 'late')?.expected.tables, 1);
  await snapshot.close();
  const Row = z.object({ n: z.int() });
  const left = "SELECT JSON_OBJECT('n', COUNT(*)) FROM information_schema.PROCESSLIST WHERE USER = 'root'";
  await until('its sessions have ended', async () => (await query(server.root, left, Row))[0]?.n === 1);
  t.match(await query(server.root, left, Row), [{ n: 1 }], 'nothing of it is left on the server');
});

t.test('gives up when another session holds a lock, and leaves writers free', async (t) => {
  const server = await serverFor(t);
  await runSql(server, 'CREATE DATABASE shop; CREATE TABLE shop.t (a INT);');
  const facts = await inspectServer(server.root, { exclude: [] });
  const other = start('mariadb', ['--no-defaults', '--user=root', `--socket=${server.socket}`, '--unbuffered', '-N']);
  other.stdin.write("BACKUP STAGE START; SELECT 'held';\n");
  await new Promise((resolve) => other.stdout.once('data', resolve));
  await t.rejects(openSnapshot(server.root, facts, { limits: { lockWaitMs: 1000 }, fallback: 'fail' }), {
    code: 'lock-timeout',
    message:
      /^cannot hold back changes of tables for a moment \(BACKUP STAGE START\) in the database at \/.*: another /,
    hint: /SHOW FULL PROCESSLIST/,
  });
  terminate(other.child);
  await other.ended;
  await t.resolves(execute(server.root, 'INSERT INTO shop.t VALUES (1)'));
});

t.test('refuses positions that differ', async (t) => {
  t.throws(
    () =>
      samePosition([
        { file: 'b.1', position: 4 },
        { file: 'b.1', position: 5 },
      ]),
    { code: 'dump-failed' },
  );
  t.throws(() => samePosition([{ file: 'b.1', position: 4 }, null]), { code: 'dump-failed' });
  t.same(
    samePosition([
      { file: 'b.1', position: 4 },
      { file: 'b.1', position: 4 },
    ]),
    { file: 'b.1', position: 4 },
  );
});
