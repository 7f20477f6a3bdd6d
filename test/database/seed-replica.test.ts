import t from 'tap';
import * as z from 'zod';
import { execute, query, queryLines, queryRecords } from '../../lib/database/client.ts';
import { loadSql } from '../../lib/database/load-sql.ts';
import { followPrimary, silenceEvents } from '../../lib/database/seed-replica.ts';
import { inspectSeedTarget } from '../../lib/database/seed-target.ts';
import { startFollowing } from '../../lib/database/start-following.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { accountOn, bareReplica, primaryFor, REPLICATION, until } from '../fixture/replica-pair.ts';

const Text = z.object({ text: z.coerce.string() });
const textOf = async ({ root }: ThrowawayServer, expression: string) =>
  (await query(root, `SELECT JSON_OBJECT('text', ${expression})`, Text))[0]?.text ?? '';

const [primary, replica] = await Promise.all([primaryFor(t), bareReplica(t, 21)]);
const at = { address: '127.0.0.1', port: primary.port ?? 0, ca: null };
await execute(primary.root, 'CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY)');
const gtid = await textOf(primary, '@@gtid_binlog_pos');
const start = { kind: 'gtid', gtid } as const;
/** What a restore has loaded by then. */
const unlogged = { ...replica.root, unlogged: true };
const again = () => execute(replica.root, "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL gtid_slave_pos = ''");

t.test('what is loaded stays out of its own log, and events do not run here', async (t) => {
  t.match(await inspectSeedTarget(replica.root), {
    databases: [],
    follows: [],
    ownLog: new Map(),
    serverId: 21,
    readOnly: true,
  });
  const event = "CREATE DEFINER = 'o''x'@'%' EVENT shop.`a b` ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.t;";
  await loadSql(
    unlogged,
    `CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY); CREATE USER 'o''x'@'%'; ${event}`,
  );
  t.equal(await silenceEvents(unlogged), 1);
  const status = "(SELECT CONCAT(STATUS, ' ', DEFINER) FROM information_schema.EVENTS)";
  t.equal(await textOf(replica, status), "SLAVESIDE_DISABLED o'x@%");
  t.equal(await silenceEvents(unlogged), 0);
  t.equal(await textOf(replica, '@@gtid_binlog_pos'), '');
  t.match(await inspectSeedTarget(replica.root), { databases: ['shop'], ownLog: new Map() });
});

t.test('an empty database that a server is installed with does not count', async (t) => {
  await execute(unlogged, 'CREATE DATABASE IF NOT EXISTS test');
  t.match(await inspectSeedTarget(replica.root), { databases: ['shop'], unused: ['test'] });
  await execute(unlogged, 'CREATE PROCEDURE test.p() SELECT 1');
  t.match(await inspectSeedTarget(replica.root), { databases: ['shop', 'test'], unused: [] });
  await execute(unlogged, 'DROP DATABASE test');
});

t.test('an account that may not do it is told what it lacks', async (t) => {
  await t.rejects(inspectSeedTarget(await accountOn(replica, 'weak', 'SELECT, SLAVE MONITOR')), {
    code: 'account-lacks-privilege',
    message: /lacks REPLICATION SLAVE ADMIN, BINLOG ADMIN on/,
    hint: /--defaults-file/,
  });
});

t.test('follows the primary from a GTID on, with any password', async (t) => {
  await followPrimary(unlogged, at, REPLICATION, start);
  t.match(await startFollowing(unlogged), { receiving: 'yes', applying: true, usesGtid: true, port: at.port });
  await execute(primary.root, 'INSERT INTO shop.t VALUES (1), (2)');
  await until('it arrives', async () => (await textOf(replica, '(SELECT COUNT(*) FROM shop.t)')) === '2');
  t.match((await inspectSeedTarget(replica.root)).follows, [/^127\.0\.0\.1:\d+$/]);
  await again();
});

t.test('follows the primary from a file and a position on', async (t) => {
  const [file = '', position = ''] =
    (await textOf(primary, "CONCAT(@@gtid_binlog_pos, '')")) === '' ? [] : await place();
  await followPrimary(unlogged, at, REPLICATION, { kind: 'position', file, position: Number(position) });
  t.match(await startFollowing(unlogged), { usesGtid: false });
  await execute(primary.root, 'INSERT INTO shop.t VALUES (3)');
  await until('it arrives', async () => (await textOf(replica, '(SELECT COUNT(*) FROM shop.t)')) === '3');
  await again();
});

t.test('says why it does not follow', async (t) => {
  const now = { kind: 'gtid', gtid: await textOf(primary, '@@gtid_binlog_pos') } as const;
  const failing = async (
    wrong: Parameters<typeof followPrimary>[2],
    where = at,
    from: Parameters<typeof followPrimary>[3] = now,
  ) => {
    await followPrimary(unlogged, where, wrong, from);
    return await startFollowing(unlogged, { waitMs: 500 }).then(
      () => undefined,
      async (error: unknown) => {
        await again();
        return error as Error;
      },
    );
  };
  const denied = await failing({ ...REPLICATION, password: 'secret-of-ours' });
  t.match(denied, {
    code: 'replica-broken',
    message: /the primary does not let the replication user in; all data is restored/,
    hint: /then, on this server: START SLAVE;$/,
  });
  t.notMatch(JSON.stringify({ ...denied, m: denied?.message }), /secret-of-ours/);
  t.match(await failing(REPLICATION, { ...at, port: 1 }), { message: /the primary cannot be reached, error 200\d/ });
  await execute(primary.root, 'FLUSH BINARY LOGS');
  // A log stays for as long as the connection of a replica that has gone away still reads it.
  await until('the first log is gone', async () => {
    await execute(primary.root, "PURGE BINARY LOGS TO 'binlog.000002'");
    return !(await queryLines(primary.root, 'SHOW BINARY LOGS')).some((line) => line.startsWith('binlog.000001'));
  });
  t.match(await failing(REPLICATION, at, start), {
    message: /does not have the binary logs from there on any more/,
    hint: /newer run/,
  });
});

t.test('says that what the primary sends does not fit', async (t) => {
  const [file = '', position = ''] = await place();
  await followPrimary(unlogged, at, REPLICATION, { kind: 'position', file, position: Number(position) });
  await execute(replica.root, 'SET sql_log_bin = 0; INSERT INTO shop.t VALUES (4711)');
  await execute(primary.root, 'INSERT INTO shop.t VALUES (4711)');
  // It runs for as long as it has not come to that row: so the row is there before, and no connection any more.
  await execute(replica.root, 'START SLAVE IO_THREAD');
  const [, end] = await place();
  const received = async () =>
    (await queryRecords(replica.root, 'SHOW ALL SLAVES STATUS'))[0]?.get('Read_Master_Log_Pos') === end;
  await until('the row is there', received);
  await execute(replica.root, 'STOP SLAVE');
  await execute(primary.root, "ALTER USER repl@'127.0.0.1' ACCOUNT LOCK");
  await t.rejects(startFollowing(unlogged), {
    code: 'replica-broken',
    message: /what the primary sends does not fit, error 1062; all data is restored/,
    hint: /^look at: SHOW SLAVE STATUS; then, on this server: START SLAVE;$/,
  });
});

async function place(): Promise<readonly string[]> {
  const Row = z.object({ file: z.string(), position: z.int() });
  const variable = (name: string) =>
    `(SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = '${name}')`;
  const [row] = await query(
    primary.root,
    `SELECT JSON_OBJECT('file', ${variable('BINLOG_SNAPSHOT_FILE')}, 'position', CAST(${variable('BINLOG_SNAPSHOT_POSITION')} AS INT))`,
    Row,
  );
  return row ? [row.file, `${row.position}`] : [];
}
