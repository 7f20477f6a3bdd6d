import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import * as z from 'zod';
import { stoppedAppliersPath } from '../../lib/database/applier-journal.ts';
import { execute, query } from '../../lib/database/client.ts';
import { readReplicaSources } from '../../lib/database/replica-sources.ts';
import { quoteString } from '../../lib/database/sql-text.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { sleep } from '../../lib/system/clock.ts';
import { type Running, start, terminate } from '../../lib/system/command.ts';
import { publishedManifests } from '../fixture/published.ts';
import { bareReplica, follow, REPLICATION, until } from '../fixture/replica-pair.ts';
import { eventsOf, type TaskEnd } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

const BANKS = ['one', 'two', 'three'] as const;
const TOTAL = 3000;

const world = await worldFor(t, { network: true });
const primary = world.server;
await execute(
  primary.root,
  `CREATE USER repl@'127.0.0.1' IDENTIFIED BY ${quoteString(REPLICATION.password)}; GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1';
   GRANT SLAVE MONITOR, REPLICATION SLAVE ADMIN ON *.* TO bkpuser@localhost;
   ${BANKS.map(
     (bank) => `CREATE DATABASE ${bank}; CREATE TABLE ${bank}.account (id INT PRIMARY KEY, n INT);
     USE ${bank}; INSERT INTO account SELECT seq, 10 FROM seq_1_to_100;
     CREATE TABLE ${bank}.entry (id INT PRIMARY KEY AUTO_INCREMENT, n INT);`,
   ).join('')}`,
);
const replica = await bareReplica(t, 31, ['--slave-parallel-threads=4', '--slave-parallel-mode=optimistic']);
await execute(replica.root, "SET GLOBAL gtid_slave_pos = ''");
await follow(replica, primary);

/** Moves money between three databases in one transaction each time, and writes each move down. */
function writer(): Running {
  const client = start('mariadb', ['--no-defaults', '--user=root', `--socket=${primary.socket}`]);
  client.stdin.write(`DELIMITER //
    BEGIN NOT ATOMIC
      DECLARE m INT;
      LOOP
        SET m = FLOOR(1 + RAND() * 5);
        START TRANSACTION;
        UPDATE one.account SET n = n - m WHERE id = 1;
        UPDATE two.account SET n = n + m - 1 WHERE id = 2;
        UPDATE three.account SET n = n + 1 WHERE id = 3;
        INSERT INTO one.entry (n) VALUES (m); INSERT INTO two.entry (n) VALUES (m); INSERT INTO three.entry (n) VALUES (m);
        COMMIT;
        DO SLEEP(0.002);
      END LOOP;
    END//
  `);
  return client;
}

const Sums = z.object({ money: z.coerce.number(), entries: z.string() });
async function sums({ root }: ThrowawayServer) {
  const money = BANKS.map((bank) => `(SELECT SUM(n) FROM ${bank}.account)`).join(' + ');
  const entries = BANKS.map((bank) => `(SELECT CONCAT(COUNT(*), ':', SUM(n)) FROM ${bank}.entry)`).join(', ');
  const [row] = await query(root, `SELECT JSON_OBJECT('money', ${money}, 'entries', CONCAT_WS(' ', ${entries}))`, Sums);
  return row;
}

const Row = z.object({ text: z.string() });
const gtidOf = async ({ root }: ThrowawayServer, name: string) =>
  (await query(root, `SELECT JSON_OBJECT('text', @@GLOBAL.${name})`, Row))[0]?.text;

const LOOPS = `SELECT JSON_OBJECT('id', ID) FROM information_schema.PROCESSLIST
  WHERE COMMAND <> 'Sleep' AND COMMAND <> 'Killed' AND USER = 'root' AND ID <> CONNECTION_ID()`;

/** A writer for as long as `work` takes. */
async function underWrites<T>(work: () => Promise<T>): Promise<T> {
  const busy = writer();
  try {
    return await work();
  } finally {
    terminate(busy.child);
    await busy.ended;
    // A server does not notice that the client of a loop has gone.
    for (const { id } of await query(primary.root, LOOPS, z.object({ id: z.int() }))) {
      await execute(primary.root, `KILL ${id}`).catch(() => undefined);
    }
    await until('nobody writes', async () => (await query(primary.root, LOOPS, z.unknown())).length === 0);
  }
}

const repl = world.at('repl.cnf');
await writeFile(repl, `[client]\nuser = repl\npassword = "${REPLICATION.password.replace(/["\\]/g, '\\$&')}"\n`, {
  mode: 0o600,
});
const words = (server: ThrowawayServer, ...more: string[]) => [
  ...[
    '--as-replica',
    '--primary',
    `127.0.0.1:${primary.port}`,
    '--replication-file',
    repl,
    '--socket',
    server.socket,
    ...more,
  ],
];
const atReplica = (replicaSettings: Record<string, unknown> = {}) =>
  world.inventoryWith((host) => {
    host.database = { ...host.database, socket: replica.socket, replica: replicaSettings };
  });

async function restored(run: TaskEnd, server: ThrowawayServer, inventory?: string): Promise<TaskEnd> {
  t.equal(run.exitCode, 0, run.stdout + run.stderr);
  return await world.restore(words(server), inventory === undefined ? {} : { inventory });
}

/** What a new replica of a run has to do. */
async function assertStaysEqual(t: Test, server: ThrowawayServer): Promise<void> {
  await underWrites(() => sleep(1000));
  const reached = await gtidOf(primary, 'gtid_binlog_pos');
  await until('it has caught up', async () => (await gtidOf(server, 'gtid_slave_pos')) === reached);
  const [expected, found] = [await sums(primary), await sums(server)];
  t.equal(found?.money, TOTAL);
  t.strictSame(found, expected);
  t.match(await readReplicaSources(server.root), [{ applying: true, receiving: 'yes', applyError: 0 }]);
  t.equal(await gtidOf(server, 'gtid_binlog_pos'), reached, 'nothing but what came from the primary is in its log');
}

await until(
  'the replica follows',
  async () => (await gtidOf(replica, 'gtid_slave_pos')) === (await gtidOf(primary, 'gtid_binlog_pos')),
  60_000,
);

t.test('a replica of a run of the primary catches up and stays equal', async (t) => {
  const server = await bareReplica(t, 32);
  const run = await underWrites(() => world.task('backup', []));
  const dry = await world.restore(words(server, '--dry-run'));
  t.match(dry, {
    exitCode: 0,
    stdout: /would then follow 127\.0\.0\.1:\d+ from the GTID \d+-1-\d+ on: the run was taken from that server/,
  });
  t.strictSame(await readReplicaSources(server.root), []);
  const end = await restored(run, server);
  t.match(
    end,
    { exitCode: 0, stdout: /follows 127\.0\.0\.1:\d+ from the GTID \d+-1-\d+ on, and has caught up with it: / },
    end.stderr,
  );
  t.notMatch(end.stdout + end.stderr, REPLICATION.password);
  await assertStaysEqual(t, server);
  const again = await world.restore(words(server));
  t.match(again, { exitCode: 8, stderr: /cannot make a replica: the server is not empty/ });
  const part = await world.restore(words(server, '--database', 'one'));
  t.match(part, { exitCode: 2, stderr: /cannot make a replica of a part/ });
});

for (const stop of [false, 'sql-thread']) {
  t.test(
    `a replica of a run of a replica with parallel appliers catches up and stays equal: stop ${stop}`,
    async (t) => {
      const inventory = await atReplica({ stop });
      const server = await bareReplica(t, stop ? 34 : 33);
      const run = await underWrites(async () => {
        await sleep(500);
        return await world.task('backup', [], { inventory });
      });
      const end = await restored(run, server, inventory);
      t.match(end, { exitCode: 0, stdout: /the run was taken from a replica of it/ }, end.stderr);
      const manifest = publishedManifests(world).at(-1);
      t.match(manifest, {
        server: { replication: { consistent: true, ownWrites: false, applier: stop ? 'stopped' : 'held' } },
      });
      await assertStaysEqual(t, server);
      t.match(await readReplicaSources(replica.root), [{ applying: true }], 'the replica was not left stopped');
    },
  );
}

t.test('SIGKILL while nothing is applied: the next run starts it again, and says so', async (t) => {
  const inventory = await atReplica({ stop: 'sql-thread' });
  const journal = stoppedAppliersPath(world.at('host/var/lib/coffre'));
  const running = world.task('backup', ['--json'], {
    inventory,
    onEvent: ({ event, phase }, process) => {
      if (event !== 'phase-started' || phase !== 'dump') return;
      const watch = setInterval(() => {
        if (!existsSync(journal)) return;
        clearInterval(watch);
        setTimeout(() => process.kill('SIGKILL'), 40);
      }, 1);
    },
  });
  t.equal((await running).exitCode, null);
  t.ok(existsSync(journal), 'it was killed in between');
  const next = await world.task('backup', ['--json'], { inventory });
  t.equal(next.exitCode, 0, next.stdout);
  t.match(
    eventsOf(next)
      .filter(({ event }) => event === 'warning')
      .map(({ text }) => text),
    [/^the run .* had left the SQL thread stopped, as one does that is killed: it runs again$/],
  );
  t.match(await readReplicaSources(replica.root), [{ applying: true }]);
  t.notOk(existsSync(journal));
});

t.test('a run of a broken or a lagging replica fails, is on record with its reason, and leaves nothing', async (t) => {
  const inventory = await atReplica({ maxLagSeconds: 1 });
  await execute(replica.root, 'STOP SLAVE IO_THREAD');
  const broken = await world.task('backup', [], { inventory });
  t.match(broken, {
    exitCode: 4,
    stderr: /nothing comes from 127\.0\.0\.1:\d+: its IO thread is stopped[\s\S]*run: START SLAVE;/,
  });
  t.match(publishedManifests(world).at(-1), {
    outcome: 'failed',
    error: { code: 'replica-broken', phase: 'preflight' },
  });
  await execute(replica.root, 'STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = 60; START SLAVE');
  await execute(primary.root, 'INSERT INTO one.entry (n) VALUES (0)');
  await until('it lags', async () => ((await readReplicaSources(replica.root))[0]?.lagSeconds ?? 0) > 1);
  const late = await world.task('backup', [], { inventory });
  t.match(late, { exitCode: 4, stderr: /it lags behind .* 60 s of it by MASTER_DELAY, and the limit is 1 s/ });
  t.match(publishedManifests(world).at(-1), { outcome: 'failed', error: { code: 'replica-lagging' } });
});
