import t, { type Test } from 'tap';
import * as z from 'zod';
import { execute, query } from '../../lib/database/client.ts';
import { readReplicaSources } from '../../lib/database/replica-sources.ts';
import { Session } from '../../lib/database/session.ts';
import { quoteString } from '../../lib/database/sql-text.ts';
import { holdDump } from '../fixture/held-dump.ts';
import { assertExplained, assertNothingHalfDone } from '../fixture/nothing-half-done.ts';
import { startProxy } from '../fixture/proxy.ts';
import { publishedManifests } from '../fixture/published.ts';
import { bareReplica, follow, REPLICATION, until } from '../fixture/replica-pair.ts';
import { worldFor } from '../fixture/world.ts';

/* The replica that is backed up does not follow as it should. Each night is on record with its reason, and the next is good. */

t.setTimeout(600_000);
const world = await worldFor(t, { network: true });
const primary = world.server;
await execute(
  primary.root,
  `CREATE USER repl@'127.0.0.1' IDENTIFIED BY ${quoteString(REPLICATION.password)}; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1';
   GRANT SLAVE MONITOR ON *.* TO bkpuser@localhost;
   CREATE TABLE crm.visit (id INT PRIMARY KEY, secret VARCHAR(50)) ENGINE=InnoDB; INSERT INTO crm.visit VALUES (1, 'one')`,
);
const proxy = await startProxy(primary.port ?? 0);
t.teardown(() => proxy.close());
const replica = await bareReplica(t, 51, ['--slave-net-timeout=5']);
await execute(replica.root, "SET GLOBAL gtid_slave_pos = ''");
await follow(replica, { ...primary, port: proxy.port });
const inventory = await world.inventoryWith((host) => {
  host.compression = { program: 'gzip', level: 1 };
  host.database = { ...host.database, socket: replica.socket, parallel: 1, replica: { maxLagSeconds: 2 } };
});

const Row = z.object({ text: z.string() });
const gtidOf = async ({ root }: { root: typeof primary.root }, name: string) =>
  (await query(root, `SELECT JSON_OBJECT('text', @@GLOBAL.${name})`, Row))[0]?.text;
const sourceOf = async () => (await readReplicaSources(replica.root))[0];
const untilFollows = () =>
  until(
    'it follows',
    async () => {
      const { receiving, applying, lagSeconds } = (await sourceOf()) ?? {};
      const same = (await gtidOf(replica, 'gtid_slave_pos')) === (await gtidOf(primary, 'gtid_binlog_pos'));
      return receiving === 'yes' && applying === true && lagSeconds === 0 && same;
    },
    60_000,
  );
await untilFollows();

/** `live` is what goes wrong and what is seen; `mend` what an administrator does about it. */
const badNight = (name: string, live: (t: Test) => Promise<void>, mend: () => Promise<void>) =>
  t.test(name, async (t) => {
    await live(t).finally(mend);
    await assertNothingHalfDone(t, world);
    await untilFollows();
    await world.goodRun(inventory);
    t.match(
      publishedManifests(world).at(-1),
      {
        outcome: 'succeeded',
        error: null,
        server: { replication: { consistent: true, sources: [{ lagSeconds: 0 }] } },
      },
      'the next run is good',
    );
  });

/** `says` and `hint` are of the two lines that are told; no row of anybody is in them. */
async function assertRefused(t: Test, code: string, says: RegExp, hint: RegExp): Promise<void> {
  const ended = await world.task('backup', [], { inventory });
  assertExplained(t, ended, 4, says, hint);
  t.notMatch(ended.stdout + ended.stderr, /another one/);
  const manifest = publishedManifests(world).at(-1);
  t.match(manifest, { outcome: 'failed', error: { code, phase: 'preflight' }, snapshot: null, dayArchive: null });
  t.strictSame([manifest?.archives, manifest?.copies], [[], []]);
}

/** A row that the replica has already, so that what comes from the primary cannot be applied. */
const INTRUDER = "SET sql_log_bin = 0; INSERT INTO crm.visit VALUES (2, 'intruder')";
const evict = async () => {
  await execute(replica.root, 'SET sql_log_bin = 0; DELETE FROM crm.visit WHERE id = 2');
  await execute(replica.root, 'START SLAVE');
  await until('that is applied', async () => (await sourceOf())?.applying === true);
};
const breakIt = async () => {
  await execute(replica.root, INTRUDER);
  await execute(primary.root, "INSERT INTO crm.visit VALUES (2, 'another one')");
  await until('it is broken', async () => (await sourceOf())?.applyError !== 0);
};

badNight(
  'a change of the primary cannot be applied',
  async (t) => {
    await breakIt();
    await assertRefused(
      t,
      'replica-broken',
      /: what comes from 127\.0\.0\.1:\d+ is not applied: its SQL thread has stopped with error 1062$/,
      /look at Last_SQL_Error of: SHOW SLAVE STATUS/,
    );
  },
  evict,
);

badNight(
  'somebody has stopped the SQL thread',
  async (t) => {
    await execute(replica.root, 'STOP SLAVE SQL_THREAD');
    await assertRefused(t, 'replica-broken', /: its SQL thread is stopped$/, /run: START SLAVE;/);
  },
  () => execute(replica.root, 'START SLAVE'),
);

badNight(
  'somebody has stopped the IO thread',
  async (t) => {
    await execute(replica.root, 'STOP SLAVE IO_THREAD');
    await assertRefused(t, 'replica-broken', /: its IO thread is stopped$/, /run: START SLAVE;/);
  },
  () => execute(replica.root, 'START SLAVE'),
);

badNight(
  'the primary cannot be reached',
  async (t) => {
    await execute(replica.root, 'STOP SLAVE; CHANGE MASTER TO MASTER_PORT = 1; START SLAVE');
    await until('it has tried', async () => (await sourceOf())?.receiveError !== 0);
    await assertRefused(
      t,
      'replica-broken',
      /: nothing comes from 127\.0\.0\.1:1: its IO thread cannot connect, error \d+$/,
      /look whether that server is up, and at Last_IO_Error/,
    );
  },
  () => execute(replica.root, `STOP SLAVE; CHANGE MASTER TO MASTER_PORT = ${proxy.port}; START SLAVE`),
);

let reader: Session | undefined;
badNight(
  'what comes is not applied for seconds, because somebody keeps a table locked',
  async (t) => {
    reader = await Session.open(replica.root);
    await reader.execute('LOCK TABLES crm.visit READ');
    await execute(primary.root, "UPDATE crm.visit SET secret = 'another one' WHERE id = 1");
    await until('it lags', async () => ((await sourceOf())?.lagSeconds ?? 0) > 2);
    await assertRefused(
      t,
      'replica-lagging',
      /: it lags behind 127\.0\.0\.1:\d+ by \d+ s, and the limit is 2 s$/,
      /once it has caught up, or look at what keeps it: SHOW FULL PROCESSLIST; the limit is database\.replica\.maxLagSeconds/,
    );
  },
  async () => {
    await reader?.close();
  },
);

badNight(
  'it breaks while it is dumped: the snapshot was taken before, and is good',
  async (t) => {
    const held = await holdDump(world, 'customer', { inventory, server: replica.root });
    await execute(replica.root, INTRUDER.replace('(2,', '(3,'));
    await execute(primary.root, "INSERT INTO crm.visit VALUES (3, 'another one')");
    await until('it is broken', async () => (await sourceOf())?.applyError !== 0);
    const ended = await held.goOn();
    t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    t.match(publishedManifests(world).at(-1), {
      outcome: 'succeeded',
      error: null,
      snapshot: { barrier: 'backup-stage' },
      server: { replication: { consistent: true, applier: 'held', ownWrites: false } },
    });
  },
  async () => {
    await execute(replica.root, 'SET sql_log_bin = 0; DELETE FROM crm.visit WHERE id = 3');
    await execute(replica.root, 'START SLAVE');
  },
);

t.test('the audit repository is content with all of that', async (t) => {
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
});
