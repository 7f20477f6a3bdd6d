import t from 'tap';
import { execute } from '../../lib/database/client.ts';
import { assertFollowing } from '../../lib/database/replica-health.ts';
import { readReplicaSources } from '../../lib/database/replica-sources.ts';
import { Session } from '../../lib/database/session.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { HostName } from '../../lib/model/names.ts';
import { accountOn, bareReplica, follow, primaryFor, replicaPair, until } from '../fixture/replica-pair.ts';

const CALLED = { replica: { maxLagSeconds: 300, stop: false as const } };
const healthy =
  (server: ThrowawayServer, maxLagSeconds = 300) =>
  async () => {
    return await assertFollowing(server.root, { replica: { maxLagSeconds, stop: false } }).then(
      () => true,
      () => false,
    );
  };

t.test('a pair', async (t) => {
  const { primary, replica } = await replicaPair(t);
  await execute(primary.root, 'CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY)');
  await until('it follows', healthy(replica));

  await t.test('that is healthy is told, with its primary', async (t) => {
    t.match(await assertFollowing(replica.root, {}), [
      {
        name: '',
        address: '127.0.0.1',
        port: primary.port,
        receiving: 'yes',
        applying: true,
        usesGtid: true,
        filtered: false,
      },
    ]);
    t.strictSame(await assertFollowing(primary.root, {}), []);
  });

  await t.test('is refused to an account that may not ask, also where the inventory knows of no replica', async (t) => {
    const blind = await accountOn(replica, 'blind', 'SELECT');
    const lacking = { code: 'account-lacks-privilege', message: /lacks SLAVE MONITOR/ };
    await t.rejects(assertFollowing(blind, {}), { ...lacking, hint: /database.replicaOf or database.replica/ });
    await t.rejects(assertFollowing(blind, CALLED), { ...lacking, hint: 'provision the host again' });
    t.strictSame(await assertFollowing(await accountOn(primary, 'blind', 'SELECT'), {}), []);
    t.equal((await assertFollowing(await accountOn(replica, 'seeing', 'SLAVE MONITOR'), {})).length, 1);
  });

  await t.test('that lags is refused beyond the limit', async (t) => {
    const lock = await Session.open(replica.root);
    await lock.execute('LOCK TABLES shop.t WRITE');
    await execute(primary.root, 'INSERT INTO shop.t VALUES (1)');
    await until('it lags by two seconds', async () => !(await healthy(replica, 1)()));
    await t.rejects(assertFollowing(replica.root, { replica: { maxLagSeconds: 1, stop: false } }), {
      code: 'replica-lagging',
      exitCode: 4,
      message: /it lags behind 127\.0\.0\.1:\d+ by \d+ s, and the limit is 1 s$/,
      hint: /database.replica.maxLagSeconds/,
    });
    await t.resolves(assertFollowing(replica.root, CALLED), 'within the default limit');
    await lock.close();
  });

  await t.test('that is meant to lag is told so', async (t) => {
    await execute(replica.root, 'STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 600; START SLAVE');
    await execute(primary.root, 'INSERT INTO shop.t VALUES (2)');
    await until('it waits', async () => {
      const [source] = await readReplicaSources(replica.root);
      return source?.receiving === 'yes' && source.applying && (source.lagSeconds ?? 0) > 0;
    });
    await t.rejects(assertFollowing(replica.root, { replica: { maxLagSeconds: 0, stop: false } }), {
      code: 'replica-lagging',
      message: /600 s of it by MASTER_DELAY/,
      hint: 'it is meant to lag: set database.replica.maxLagSeconds above 600',
    });
    await execute(replica.root, 'STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 0; START SLAVE');
    await until('it follows again', healthy(replica));
  });

  await t.test('whose SQL thread has failed is refused with the number of the error and not its text', async (t) => {
    await execute(replica.root, 'SET sql_log_bin = 0; INSERT INTO shop.t VALUES (4711)');
    await execute(primary.root, 'INSERT INTO shop.t VALUES (4711)');
    await until('it stops', async () => (await readReplicaSources(replica.root))[0]?.applying === false);
    const error = await assertFollowing(replica.root, {}).catch((thrown: unknown) => thrown as Error);
    t.match(error, {
      code: 'replica-broken',
      exitCode: 4,
      message: /its SQL thread has stopped with error 1062$/,
      hint: /Last_SQL_Error/,
    });
    t.notMatch(JSON.stringify(error), /4711/);
    await execute(replica.root, 'SET sql_log_bin = 0; DELETE FROM shop.t WHERE a = 4711; START SLAVE');
    await until('it follows again', healthy(replica));
  });

  await t.test('that somebody has stopped is refused', async (t) => {
    await execute(replica.root, 'STOP SLAVE SQL_THREAD');
    await t.rejects(assertFollowing(replica.root, {}), {
      code: 'replica-broken',
      message: /its SQL thread is stopped$/,
      hint: 'run: START SLAVE;',
    });
    await execute(replica.root, 'START SLAVE SQL_THREAD; STOP SLAVE IO_THREAD');
    await t.rejects(assertFollowing(replica.root, {}), {
      code: 'replica-broken',
      message: /its IO thread is stopped$/,
    });
  });

  await t.test('that cannot reach its primary is refused', async (t) => {
    await execute(replica.root, "STOP SLAVE; CHANGE MASTER TO MASTER_PASSWORD = 'wrong'; START SLAVE");
    await until('it is kept out', async () => (await readReplicaSources(replica.root))[0]?.receiveError !== 0);
    await t.rejects(assertFollowing(replica.root, {}), {
      code: 'replica-broken',
      message: /its IO thread cannot connect, error 1045$/,
    });
  });
});

t.test('a server that follows nobody is none, unless the inventory calls it one', async (t) => {
  const server = await bareReplica(t, 5);
  t.strictSame(await assertFollowing(server.root, {}), []);
  await t.rejects(assertFollowing(server.root, { replicaOf: HostName.parse('db1') }), {
    code: 'replica-broken',
    message: /as the replica of db1: it follows no other server/,
    hint: /take database.replicaOf out of the inventory/,
  });
  await t.rejects(assertFollowing(server.root, CALLED), { code: 'replica-broken', hint: /take database.replica out/ });
});

t.test('of two sources the broken one is named', async (t) => {
  const [one, two, replica] = await Promise.all([primaryFor(t, 1), primaryFor(t, 2), bareReplica(t, 12)]);
  // Each primary has made the same account: of the second one that is left out.
  await execute(replica.root, "SET GLOBAL gtid_slave_pos = '2-2-2'");
  await follow(replica, one, { name: 'erp' });
  await follow(replica, two, { name: 'web shop' });
  await until('both are followed', healthy(replica));
  t.match(
    (await assertFollowing(replica.root, CALLED)).map(({ name }) => name),
    ['erp', 'web shop'],
  );
  await execute(replica.root, "STOP SLAVE 'web shop'");
  await t.rejects(assertFollowing(replica.root, CALLED), {
    code: 'replica-broken',
    message: /what comes from 127\.0\.0\.1:\d+ \(connection "web shop"\) is not applied/,
    hint: "run: START SLAVE 'web shop';",
    findings: [/SQL thread is stopped/, /IO thread is stopped/],
  });
});
