import t, { type Test } from 'tap';
import * as z from 'zod';
import { execute, query } from '../../lib/database/client.ts';
import { Session } from '../../lib/database/session.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { holdDump } from '../fixture/held-dump.ts';
import { assertExplained, assertNothingHalfDone } from '../fixture/nothing-half-done.ts';
import { programsOf } from '../fixture/process-watch.ts';
import { publishedManifests } from '../fixture/published.ts';
import { until } from '../fixture/replica-pair.ts';
import { worldFor } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/*
 * Others work on the server while it is backed up: they lock it, take its connections, kill what dumps, and kill it. Each
 * night ends with its outcome on record, with nothing half-done, and the next one is good.
 */

t.setTimeout(900_000);
const world = await worldFor(t);
const root = world.server.root;
const NAMES = ['shop', 'crm'].map((name) => DatabaseName.parse(name));
await execute(
  root,
  'CREATE TABLE shop.note (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO shop.note VALUES (1, 1)',
);
const truth = await readContent(root, NAMES);
const { path: scratchFolder, remove } = temporaryFolder();
t.teardown(remove);
const scratch = await startThrowawayServer({ folder: scratchFolder });
t.teardown(() => scratch.stop());

const lateServers: { stop(): Promise<void> }[] = [];
t.teardown(async () => {
  for (const server of lateServers) await server.stop();
});

const inventoryFor = (snapshot: Readonly<Record<string, unknown>>, parallel = 3) =>
  world.inventoryWith((host) => {
    Object.assign(host.database, { snapshot, parallel });
    host.compression = { program: 'gzip', level: 1 };
  });
const patient = await inventoryFor({ lockWaitSeconds: 30 });
const hasty = await inventoryFor({ lockWaitSeconds: 1 });
const strict = await inventoryFor({ lockWaitSeconds: 1, fallback: 'fail' });
const alone = await inventoryFor({}, 1);

const Process = z.object({ id: z.int(), ms: z.coerce.number() });
/** What the backup account does, by a condition on information_schema.PROCESSLIST; asked for in `session` if given. */
function backupAt(condition: string, session?: Session) {
  const sql = `SELECT JSON_OBJECT('id', ID, 'ms', TIME_MS) FROM information_schema.PROCESSLIST WHERE USER = 'bkpuser' AND ${condition}`;
  return session ? session.ask(sql, Process) : query(root, sql, Process);
}
const ASKS_FOR_LOCK = "INFO LIKE 'BACKUP STAGE%' AND STATE LIKE 'Waiting%'";

/** What others do when the night is over, the last first. */
const atDawn: (() => Promise<void>)[] = [];

const badNight = (name: string, live: (t: Test) => Promise<void>) =>
  t.test(name, async (t) => {
    await live(t).finally(async () => {
      for (const leave of atDawn.splice(0).reverse()) await leave();
    });
    await assertNothingHalfDone(t, world);
    const next = await world.task('backup', [], { inventory: patient });
    t.equal(next.exitCode, 0, `the next run is good: ${next.stdout}${next.stderr}`);
    t.match(publishedManifests(world).at(-1), {
      outcome: 'succeeded',
      snapshot: { barrier: 'backup-stage', fallback: null },
      error: null,
    });
  });

/** A session of somebody else, gone with the night. */
async function somebody(sql: string): Promise<Session> {
  const session = await Session.open(root);
  atDawn.push(() => session.close());
  await session.execute(sql);
  return session;
}

function assertFailed(t: Test, code: string, phase: string): void {
  const manifest = publishedManifests(world).at(-1);
  t.match(manifest, { outcome: 'failed', error: { code, phase }, snapshot: null, dayArchive: null });
  t.strictSame([manifest?.archives, manifest?.copies], [[], []]);
}

async function assertSucceeded(t: Test, snapshot: Readonly<Record<string, unknown>>): Promise<number> {
  const manifest = publishedManifests(world).at(-1);
  t.match(manifest, { outcome: 'succeeded', error: null, snapshot });
  const words = NAMES.flatMap((name) => ['--database', name, '--overwrite', name]);
  const { exitCode, stdout, stderr } = await world.restore(['--socket', scratch.socket, ...words]);
  t.equal(exitCode, 0, stdout + stderr);
  t.strictSame(compareContent(truth, await readContent(scratch.root, NAMES)), [], 'what is restored is the snapshot');
  return manifest?.snapshot?.waitedMs ?? -1;
}

badNight('a writer keeps a table locked, within the limit: the lock is waited for', async (t) => {
  const writer = await somebody('LOCK TABLES shop.note WRITE');
  const running = world.task('backup', [], { inventory: patient });
  await until('it waits', async () => (await backupAt(`${ASKS_FOR_LOCK} AND TIME_MS > 1000`)).length > 0, 30_000);
  await writer.execute('UPDATE shop.note SET n = n; UNLOCK TABLES');
  const ended = await running;
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  t.match(ended.stderr, /one snapshot over \d dumps, commits held back for \d+ ms, after waiting \d+ s for the lock/);
  const waitedMs = await assertSucceeded(t, { barrier: 'backup-stage', fallback: null });
  t.ok(waitedMs >= 1000 && waitedMs < 30_000, `waited for ${waitedMs} ms`);
});

badNight('a writer keeps a table locked for longer than one try: the next try has it', async (t) => {
  const writer = await somebody('LOCK TABLES shop.note WRITE');
  const running = world.task('backup', [], { inventory: hasty });
  await until('it waits', async () => (await backupAt(ASKS_FOR_LOCK)).length > 0, 30_000);
  await until('it has given up for now', async () => (await backupAt(ASKS_FOR_LOCK)).length === 0);
  await writer.execute('UNLOCK TABLES');
  const ended = await running;
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  const waitedMs = await assertSucceeded(t, { barrier: 'backup-stage', fallback: null });
  t.ok(waitedMs >= 900, `waited for ${waitedMs} ms`);
});

badNight('a writer keeps a table locked for longer than all tries: one dump of all', async (t) => {
  const writer = await somebody('LOCK TABLES shop.note WRITE');
  const running = world.task('backup', [], { inventory: hasty });
  const stands = "STATE = 'Waiting for table metadata lock'";
  await until('the dump has come to the table', async () => (await backupAt(stands)).length > 0, 40_000);
  await writer.execute('UNLOCK TABLES');
  const ended = await running;
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  t.match(
    ended.stderr,
    /^warning: .*all databases are in one dump, which needs no lock and takes longer: cannot hold back changes of tables for a moment \(BACKUP STAGE [A-Z_]+\) in the database at .*: another session kept a lock for too long\n *hint: look at: SHOW FULL PROCESSLIST, /m,
  );
  const waitedMs = await assertSucceeded(t, { barrier: 'single-dump', fallback: 'lock-timeout', heldMs: 0, dumps: 1 });
  t.ok(waitedMs >= 2700, `waited for ${waitedMs} ms, three times a second`);
});

badNight('a writer keeps a table locked for longer than the one dump waits, too: no backup', async (t) => {
  await somebody('LOCK TABLES shop.note WRITE');
  const ended = await world.task('backup', [], { inventory: hasty });
  assertExplained(
    t,
    ended,
    4,
    /^error: cannot dump the table `shop`\.`note`: another session has kept it locked for more than 3 s$/,
    /SHOW OPEN TABLES .*lockWaitSeconds/,
  );
  assertFailed(t, 'lock-timeout', 'dump');
});

badNight('the same where the inventory wants no fallback: no backup', async (t) => {
  await somebody('LOCK TABLES shop.note WRITE');
  const ended = await world.task('backup', [], { inventory: strict });
  assertExplained(t, ended, 4, /: another session kept a lock for too long$/, /SHOW FULL PROCESSLIST/);
  assertFailed(t, 'lock-timeout', 'dump');
});

badNight('somebody holds FLUSH TABLES WITH READ LOCK: the barrier stands beside it', async (t) => {
  await somebody('FLUSH TABLES WITH READ LOCK');
  const ended = await world.task('backup', [], { inventory: hasty });
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  await assertSucceeded(t, { barrier: 'backup-stage', fallback: null });
});

badNight('a transaction is open over all of it: nobody waits, and nothing of it is in the backup', async (t) => {
  const writer = await somebody('START TRANSACTION; UPDATE shop.note SET n = 2; INSERT INTO shop.note VALUES (2, 2)');
  const ended = await world.task('backup', [], { inventory: hasty });
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  await writer.execute('ROLLBACK');
  const waitedMs = await assertSucceeded(t, { barrier: 'backup-stage', fallback: null });
  t.ok(waitedMs < 1000, `waited for ${waitedMs} ms`);
});

badNight('a dump program is killed', async (t) => {
  let task = 0;
  const onEvent = (_: unknown, { pid }: { readonly pid: number }) => {
    task = pid;
  };
  const held = await holdDump(world, 'customer', { inventory: alone, words: ['--json'], onEvent });
  const [dumper, ...others] = programsOf(task, 'mariadb-dump', '--databases');
  t.strictSame(others, []);
  process.kill(dumper ?? 0, 'SIGKILL');
  const ended = await held.goOn();
  t.equal(ended.exitCode, 4, ended.stdout);
  t.match(JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? ''), {
    error: {
      code: 'dump-failed',
      message: /^cannot dump the databases `shop` and .*: the program was killed by SIGKILL$/,
      hint: /dmesg \| tail/,
    },
  });
  assertFailed(t, 'dump-failed', 'dump');
});

badNight("an administrator ends a dump's connection", async (t) => {
  const held = await holdDump(world, 'customer', { inventory: alone });
  const [dumper] = await backupAt("INFO LIKE 'SELECT %`customer`%'");
  await execute(root, `KILL CONNECTION ${dumper?.id}`);
  const ended = await held.goOn();
  assertExplained(t, ended, 7, /^error: cannot dump the databases `shop` and .*: /, /systemctl status mariadb/);
  assertFailed(t, 'database-unreachable', 'dump');
});

/** Sessions of others, until the server takes no more. `asker` keeps one. */
async function takeAll(): Promise<{ readonly asker: Session; free(): Promise<void> }> {
  const asker = await somebody('DO 0');
  const taken: Session[] = [];
  const free = async () => {
    for (const session of taken.splice(0)) await session.close();
  };
  atDawn.push(free);
  for (;;) {
    const session = await Session.open(root).catch(() => undefined);
    if (!session) return { asker, free };
    taken.push(session);
  }
}

async function withConnections(count: number): Promise<void> {
  const before = await query(root, "SELECT JSON_OBJECT('n', @@max_connections)", z.object({ n: z.int() }));
  await execute(root, `SET GLOBAL max_connections = ${count}`);
  atDawn.push(() => execute(root, `SET GLOBAL max_connections = ${before[0]?.n}`));
}

badNight('all connections are taken', async (t) => {
  await withConnections(10);
  const { free, asker } = await takeAll();
  const ended = await world.task('backup', [], { inventory: patient });
  await free();
  await asker.execute('SET GLOBAL max_connections = 151');
  assertExplained(t, ended, 7, /: the server has too many connections$/, /SHOW FULL PROCESSLIST/);
  assertFailed(t, 'too-many-connections', 'preflight');
});

badNight('few connections are left: fewer dumps at a time', async (t) => {
  await withConnections(10);
  const others = [await somebody('DO 0'), await somebody('DO 0')];
  const ended = await world.task('backup', [], { inventory: await inventoryFor({}, 16) });
  await others[0]?.execute('SET GLOBAL max_connections = 151');
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  await assertSucceeded(t, { barrier: 'backup-stage', fallback: null, positions: [{ kind: 'group' }] });
  t.ok((publishedManifests(world).at(-1)?.snapshot?.dumps ?? 99) <= 5);
});

badNight('too few connections are left for any snapshot', async (t) => {
  await withConnections(10);
  const others: Session[] = [];
  for (let n = 0; n < 5; n += 1) others.push(await somebody('DO 0'));
  const ended = await world.task('backup', [], { inventory: patient });
  await others[0]?.execute('SET GLOBAL max_connections = 151');
  assertExplained(
    t,
    ended,
    4,
    /^error: cannot take one snapshot: \d connections are needed, and \d of 10 are free$/,
    /SET GLOBAL max_connections = \d+;/,
  );
  assertFailed(t, 'dump-failed', 'preflight');
});

badNight('the account may have but two connections', async (t) => {
  await execute(root, 'ALTER USER bkpuser@localhost WITH MAX_USER_CONNECTIONS 2');
  const ended = await world.task('backup', [], { inventory: patient });
  await execute(root, 'ALTER USER bkpuser@localhost WITH MAX_USER_CONNECTIONS 0');
  assertExplained(
    t,
    ended,
    4,
    /^error: cannot take one snapshot: 3 connections of the account are needed, and it may have 2$/,
    /ALTER USER .* WITH MAX_USER_CONNECTIONS 3/,
  );
  assertFailed(t, 'dump-failed', 'preflight');
});

badNight('all connections are taken while the databases are dumped: that costs nothing', async (t) => {
  const held = await holdDump(world, 'customer', { inventory: alone });
  const asker = await somebody('DO 0');
  const others: Session[] = [];
  for (let n = 0; n < 12; n += 1) others.push(await somebody('DO 0'));
  const Refused = z.object({ n: z.coerce.number() });
  const refused = async () => {
    const sql = `SELECT JSON_OBJECT('n', VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS
      WHERE VARIABLE_NAME = 'CONNECTION_ERRORS_MAX_CONNECTIONS'`;
    return (await asker.ask(sql, Refused))[0]?.n ?? 0;
  };
  // From here on nobody else gets in, also when the dump has left.
  await asker.execute('SET GLOBAL max_connections = 10');
  const before = await refused();
  const going = held.goOn();
  await until('it is refused', async () => (await refused()) > before);
  t.strictSame(await backupAt("INFO LIKE '%customer%'", asker), [], 'the dump was at its end');
  await asker.execute('SET GLOBAL max_connections = 151');
  const ended = await going;
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  await assertSucceeded(t, { barrier: 'backup-stage', fallback: null });
});

badNight('the server is killed in the middle of a dump, and comes up again while the run goes on', async (t) => {
  const held = await holdDump(world, 'customer', { inventory: alone });
  process.kill(world.server.pid, 'SIGKILL');
  const again = await startThrowawayServer({ folder: world.server.folder, logBin: true });
  lateServers.push(again);
  const ended = await held.goOn();
  assertExplained(t, ended, 7, /^error: cannot dump the databases `shop` and .*: the server went away$/, /systemctl/);
  assertFailed(t, 'database-unreachable', 'dump');
});

t.test('the audit repository is content with all of that', async (t) => {
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
});
