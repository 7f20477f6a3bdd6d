import t from 'tap';
import * as z from 'zod';
import { catchUp } from '../../lib/database/catch-up.ts';
import { execute, query } from '../../lib/database/client.ts';
import { readPrimaryGtid } from '../../lib/database/primary-position.ts';
import { followPrimary } from '../../lib/database/seed-replica.ts';
import { Session } from '../../lib/database/session.ts';
import { startFollowing } from '../../lib/database/start-following.ts';
import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { bareReplica, primaryFor, REPLICATION } from '../fixture/replica-pair.ts';
import { startSlowLink } from '../fixture/slow-link.ts';

/* A new replica has caught up when it has what the primary had, and not when nothing has come to it yet. */

const ROWS = 15;
const Text = z.object({ text: z.coerce.string() });
const textOf = async ({ root }: ThrowawayServer, expression: string) =>
  (await query(root, `SELECT JSON_OBJECT('text', ${expression})`, Text))[0]?.text ?? '';
const rowsOf = async (server: ThrowawayServer) => Number(await textOf(server, '(SELECT COUNT(*) FROM shop.t)'));

const [primary, replica] = await Promise.all([primaryFor(t), bareReplica(t, 21)]);
await execute(primary.root, 'CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY, b LONGBLOB)');
const start = { kind: 'gtid', gtid: await textOf(primary, '@@gtid_binlog_pos') } as const;
await execute(
  { ...replica.root, unlogged: true },
  'CREATE DATABASE shop; CREATE TABLE shop.t (a INT PRIMARY KEY, b LONGBLOB)',
);
for (let n = 0; n < ROWS; n += 1) {
  const row = `INSERT INTO shop.t VALUES (${n}, REPEAT('x', 100000))`;
  await execute(primary.root, `SET SESSION binlog_format = ROW; ${row}`);
}
const link = await startSlowLink(primary.port ?? 0, 1_000_000, 'received');
t.teardown(() => link.close());
const near = { address: '127.0.0.1', port: primary.port ?? 0, ca: null };
const goalNow = () => readPrimaryGtid(near, REPLICATION);

t.test('the replication user can tell where the primary is, and nobody has to', async (t) => {
  t.equal(await goalNow(), await textOf(primary, '@@gtid_binlog_pos'));
  t.equal(await readPrimaryGtid(near, { ...REPLICATION, password: 'wrong' }), undefined);
  t.equal(await readPrimaryGtid({ ...near, port: 1 }, REPLICATION), undefined);
  t.equal(await readPrimaryGtid({ ...near, ca: '/nonexistent/ca.pem' }, REPLICATION), undefined);
});

t.test('is waited for until it has what the primary had, though it runs long before', async (t) => {
  await followPrimary({ ...replica.root, unlogged: true }, { ...near, port: link.port }, REPLICATION, start);
  t.match(await startFollowing(replica.root), { receiving: 'yes', applying: true });
  t.ok((await rowsOf(replica)) < ROWS, 'it runs, and has not got all');
  t.match(await catchUp(replica.root, { goal: await goalNow() }), { kind: 'caught-up' });
  t.equal(await rowsOf(replica), ROWS);
});

t.test('one that does not get on is called behind, with progress told, and goes on when it can', async (t) => {
  const lock = await Session.open(replica.root);
  t.teardown(() => lock.close());
  await lock.execute('LOCK TABLES shop.t WRITE');
  await execute(primary.root, `INSERT INTO shop.t VALUES (${ROWS}, NULL)`);
  const from = performance.now();
  const faster = { now: () => new Date(40 * (performance.now() - from)) };
  const told: string[] = [];
  const progress = (at: string) => told.push(at);
  const goal = await goalNow();
  for (const limit of [{ standstillMs: 30_000 }, { patienceMs: 30_000 }]) {
    t.match(await catchUp(replica.root, { goal, progress, clock: faster, ...limit }), { kind: 'behind' });
  }
  t.match(await catchUp(replica.root, { goal: undefined, clock: faster, patienceMs: 40_000 }), { kind: 'behind' });
  t.match(told[0], /^\d+-1-\d+$/);
  const stopped = new Error('enough');
  await t.rejects(catchUp(replica.root, { goal, signal: AbortSignal.abort(stopped) }), stopped);
  await lock.execute('UNLOCK TABLES');
  t.match(await catchUp(replica.root, { goal: undefined, clock: faster, standstillMs: 300_000 }), {
    kind: 'quiet',
    lagSeconds: 0,
  });
  t.equal(await rowsOf(replica), ROWS + 1);
});

t.test('a thread that ends while it is waited for is a failure', async (t) => {
  const own = await Session.open(replica.root);
  t.teardown(() => own.close());
  await own.execute('SET sql_log_bin = 0');
  await own.execute('LOCK TABLES shop.t WRITE');
  await own.execute('INSERT INTO shop.t VALUES (4711, NULL)');
  await execute(primary.root, 'INSERT INTO shop.t VALUES (4711, NULL)');
  const waiting = catchUp(replica.root, { goal: await goalNow() });
  waiting.catch(() => undefined);
  await own.execute('UNLOCK TABLES');
  await t.rejects(waiting, { code: 'replica-broken', message: /does not fit, error 1062; all data is restored/ });
});
