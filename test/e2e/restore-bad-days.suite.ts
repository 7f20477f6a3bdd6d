import { readFile, rename, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import * as z from 'zod';
import { execute, query, queryLines } from '../../lib/database/client.ts';
import { inspectTarget } from '../../lib/database/target.ts';
import { startThrowawayServer, type ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import { compareContent, readContent } from '../../lib/flow/compare-content.ts';
import { DatabaseName } from '../../lib/model/names.ts';
import { run } from '../../lib/system/command.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { holdLoad } from '../fixture/held-load.ts';
import { assertExplained, OFFSITE, runsAt } from '../fixture/nothing-half-done.ts';
import { folderOfProgramsWithout } from '../fixture/programs.ts';
import { startProxy } from '../fixture/proxy.ts';
import { readyData } from '../fixture/ready-data.ts';
import { serverFor } from '../fixture/servers.ts';
import { eventsOf, type TaskEnd, type TaskEvent } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';
import { until } from '../until.ts';

/*
 * A restore on the worst day, when something else goes wrong too. Each time it says what, leaves no half of a database behind
 * that anybody could take for the whole, and the same restore once more brings everything back.
 */

t.setTimeout(900_000);
const world = await worldFor(t, { shopRows: 30 });
const NAMES = ['shop', 'crm'].map((name) => DatabaseName.parse(name));
// A time stamp comes back as it was only while the session keeps the time zone that the dump has set.
await execute(
  world.server.root,
  "CREATE TABLE crm.visit (id INT PRIMARY KEY, at TIMESTAMP NOT NULL); INSERT INTO crm.visit VALUES (1, '2026-11-22 04:00:00')",
);
const truth = await readContent(world.server.root, NAMES);
await world.goodRun();
const [newest = ''] = await runsAt(world, OFFSITE);
const overwrite = ['--overwrite', 'shop', '--overwrite', 'crm'];

type Server = Pick<ThrowawayServer, 'root' | 'socket'>;

async function assertAllIsBack(t: Test, server: Server): Promise<void> {
  t.strictSame(compareContent(truth, await readContent(server.root, NAMES)), [], 'all is back, and the same');
}

/** The same restore once more, over whatever is there. */
async function assertRestores(t: Test, server: Server, words: readonly string[] = []): Promise<void> {
  const again = await world.restore(['--socket', server.socket, ...overwrite, ...words]);
  t.equal(again.exitCode, 0, again.stdout + again.stderr);
  await assertAllIsBack(t, server);
}

/** What a killed restore has loaded is dropped where that is asked for, and what it had moved is back. */
async function assertPutsBack(t: Test, server: Server): Promise<void> {
  const refused = await world.restore(['--socket', server.socket, ...overwrite]);
  assertExplained(t, refused, 8, /in which somebody may have worked since$/, /--put-back \w+ --drop-first \w+; then/);
  const names = NAMES.flatMap((name) => ['--put-back', name, '--drop-first', name]);
  const access = ['--socket', server.socket, '--defaults-file', world.adminOptions];
  const back = await world.task('restore', [...names, ...access]);
  t.equal(back.exitCode, 0, back.stderr);
  await assertAllIsBack(t, server);
}

/** Those of the backup that are there. */
async function databasesOf({ root }: Server): Promise<ReadonlySet<string>> {
  const { databases } = await inspectTarget(root);
  return new Set(NAMES.filter((name) => databases.has(name)));
}
const failureOf = (ended: TaskEnd) =>
  eventsOf(ended).at(-1) as TaskEvent & { readonly exitCode: number; readonly error: Record<string, string> };

const mayMount = (await run('unshare', ['--mount', 'true'])).exitCode === 0;
const skip = mayMount ? false : 'mounting is not allowed here: the table space above stands for it';

t.test('the table space of the target fills up, so that hardly a drop fits: what to do is told', async (t) => {
  const extra = ['--innodb-file-per-table=0', '--innodb-data-file-path=ibdata1:12M:autoextend:max:24M'];
  const server = await serverFor(t, { extra });
  const ended = await world.restore(['--socket', server.socket]);
  assertExplained(
    t,
    ended,
    4,
    /^error: cannot restore shop: loading has failed, all else is done$/,
    /--database shop$/,
  );
  // What else is being loaded at that moment decides whether the drop finds a page.
  const [, dropped, hint] =
    /^warning: shop: cannot load the table `customer` of shop into .*: there is no space left for a table, and what (?:is there of it could not be dropped|(was there of it is dropped again))\n(.*)$/m.exec(
      ended.stderr,
    ) ?? [];
  t.match(hint, dropped ? /^hint: free space on the server/ : /^hint: run: DROP DATABASE IF EXISTS `shop`;$/);
  const crm = new Map([...truth].filter(([name]) => name === 'crm'));
  t.strictSame(compareContent(crm, await readContent(server.root, [...crm.keys()])), [], 'the rest is there');
});

t.test(
  'the disk of the target fills up, of which MariaDB 10.11 dies: it is said, and once there is space it restores',
  { skip },
  async (t) => {
    const { path: folder, remove } = temporaryFolder();
    t.teardown(remove);
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'none', folder]);
    t.equal(mounted.exitCode, 0, mounted.stderr);
    let server: ThrowawayServer | undefined;
    try {
      await readyData(folder);
      // As on a real server, whose log has its place.
      const log = `${folder}/data/ib_logfile0`;
      await run('cp', ['--sparse=never', log, `${log}.dense`]);
      await rename(`${log}.dense`, log);
      server = await startThrowawayServer({ folder });
      const free = Number((await run('df', ['--output=avail', '-B1', folder])).stdout.trim().split('\n').at(-1));
      await writeFile(`${folder}/ballast`, Buffer.alloc(Math.max(0, free - 12_000_000)));
      const ended = await world.restore(['--json', '--socket', server.socket]);
      const { error, exitCode } = failureOf(ended);
      const isFull = error.code === 'restore-failed' && ended.stdout.includes('there is no space left for a table');
      t.ok(isFull || (error.code === 'database-unreachable' && /went away$/.test(error.message ?? '')), ended.stdout);
      t.equal(exitCode, isFull ? 4 : 7);
      await writeFile(`${folder}/ballast`, '');
      await server.stop();
      server = await startThrowawayServer({ folder });
      await assertRestores(t, server);
    } finally {
      await server?.stop();
      // A server that has died of it may still be on its way out.
      await until('the disk is free', async () => (await run('umount', [folder])).exitCode === 0);
    }
  },
);

t.test('the server dies in the middle of a load, and comes up again', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  await readyData(folder);
  const server = await startThrowawayServer({ folder });
  const held = await holdLoad(world, ['--socket', server.socket]);
  process.kill(server.pid, 'SIGKILL');
  const ended = await held.goOn();
  const { exitCode, error } = failureOf(ended);
  t.match(
    { exitCode, error },
    { exitCode: 7, error: { code: 'database-unreachable', message: /the server went away$/ } },
  );
  const warned = eventsOf(ended).filter(({ event }) => event === 'warning');
  t.match(warned, [{ text: /what is there of it could not be dropped$/, hint: /^run: DROP DATABASE IF EXISTS / }]);
  const again = await startThrowawayServer({ folder });
  t.teardown(async () => {
    await again.stop();
    remove();
  });
  await assertRestores(t, again);
});

t.test('the server dies in the middle of a load that replaces: what is told puts the old one back', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  await readyData(folder);
  const server = await startThrowawayServer({ folder });
  await execute(server.root, 'CREATE DATABASE shop; CREATE TABLE shop.old (a INT); INSERT INTO shop.old VALUES (1)');
  const held = await holdLoad(world, ['--socket', server.socket, '--database', 'shop', '--overwrite', 'shop']);
  process.kill(server.pid, 'SIGKILL');
  const ended = await held.goOn();
  t.match(failureOf(ended), { exitCode: 7, error: { code: 'database-unreachable' } });
  const warned = eventsOf(ended).filter(({ event }) => event === 'warning');
  t.match(warned, [
    {
      text: /what is there of it could not be dropped$/,
      hint: /^the old one is in shop__coffre_old_.*; once the server answers, put it back: npx zx tasks\/restore\.ts .*--socket \S+ .*--put-back shop --drop-first shop$/,
    },
    {
      text: /^the old database is in shop__coffre_old_.*, and could not be put back: /,
      hint: /--put-back shop --drop-first shop$/,
    },
  ]);
  const again = await startThrowawayServer({ folder });
  t.teardown(async () => {
    await again.stop();
    remove();
  });
  const access = ['--socket', again.socket, '--defaults-file', world.adminOptions];
  const back = await world.task('restore', ['--put-back', 'shop', '--drop-first', 'shop', ...access]);
  t.equal(back.exitCode, 0, back.stderr);
  t.strictSame(await queryLines(again.root, 'SELECT a FROM shop.old'), ['1']);
});

/** A way to the socket of a server that can be cut. */
async function startSocketProxy(t: Test, server: Server, path: string) {
  const open = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(server.socket);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => other.destroy());
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => proxy.listen(path, resolve));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  t.teardown(() => {
    cut();
    proxy.close();
  });
  return { cut };
}

t.test('the connection to the target is cut in the middle of a load', async (t) => {
  const server = await serverFor(t);
  const path = `${server.folder}/proxy.sock`;
  const { cut } = await startSocketProxy(t, server, path);
  const held = await holdLoad(world, ['--socket', path]);
  cut();
  const ended = await held.goOn();
  t.match(failureOf(ended), { exitCode: 7, error: { code: 'database-unreachable', message: /the server went away$/ } });
  await assertNoHalves(t, server);
  await assertRestores(t, server);
});

/** What has a database's name is the whole database. */
async function assertNoHalves(t: Test, server: Server): Promise<void> {
  const databases = await databasesOf(server);
  const there = new Map([...truth].filter(([name]) => databases.has(name)));
  t.strictSame(compareContent(there, await readContent(server.root, [...there.keys()])), [], [...databases].join());
}

t.test('an administrator ends the connection of a load: nobody goes on in another session', async (t) => {
  const server = await serverFor(t);
  const held = await holdLoad(world, ['--database', 'shop', '--socket', server.socket]);
  const Session = z.object({ id: z.int() });
  const sql = `SELECT JSON_OBJECT('id', ID) FROM information_schema.PROCESSLIST
    WHERE COMMAND = 'Sleep' AND ID <> CONNECTION_ID() AND DB = 'shop'`;
  // It waits for more.
  await until('the client has sent what it was given', async () => (await query(server.root, sql, Session)).length > 0);
  for (const { id } of await query(server.root, sql, Session)) await execute(server.root, `KILL CONNECTION ${id}`);
  const ended = await held.goOn();
  t.match(failureOf(ended), { exitCode: 7, error: { code: 'database-unreachable' } });
  await assertNoHalves(t, server);
  await assertRestores(t, server);
});

t.test('the connection to the offsite is lost, while it is verified and while it is loaded', async (t) => {
  const server = await serverFor(t);
  const proxy = await startProxy(world.contractor.port);
  t.teardown(() => proxy.close());
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host.offsite[0] ?? {}, { port: proxy.port, reconnectSeconds: 0 });
  });
  for (const phase of ['verify', 'load']) {
    const ended = await world.restore(
      ['--json', '--from', 'offsite:contractor', '--socket', server.socket, ...overwrite],
      {
        inventory,
        onEvent: (event) => {
          if (event.event === 'progress' && event.phase === phase) proxy.breakAfter(1, 'cut');
        },
      },
    );
    proxy.mend();
    t.match(failureOf(ended), { exitCode: 7, error: { code: 'offsite-unreachable', hint: /./ } }, phase);
    await assertNoHalves(t, server);
    if (phase === 'verify')
      t.notOk((await databasesOf(server)).has('shop'), 'nothing was loaded before all was verified');
  }
  await assertRestores(t, server, ['--from', 'offsite:contractor']);
});

t.test('restored once more after SIGKILL, while it verified, loaded, and compared', async (t) => {
  const server = await serverFor(t);
  await assertRestores(t, server);
  const killedAt = async (isNow: (event: TaskEvent) => boolean) => {
    let killed = false;
    const ended = await world.restore(['--json', '--socket', server.socket, ...overwrite], {
      onEvent: (event, { kill }) => {
        if (killed || !isNow(event)) return;
        killed = true;
        kill('SIGKILL');
      },
    });
    t.equal(ended.exitCode, null, ended.stdout);
  };
  await killedAt(({ event, phase }) => event === 'progress' && phase === 'verify');
  await assertAllIsBack(t, server);
  let loads = 0;
  for (const isNow of [
    ({ event, phase }: TaskEvent) => event === 'progress' && phase === 'load',
    // The last of the three archives is loaded: it compares.
    ({ event, phase }: TaskEvent) => event === 'phase-ended' && phase === 'load' && ++loads === 3,
  ]) {
    await killedAt(isNow);
    await assertPutsBack(t, server);
    await assertRestores(t, server);
  }
});

t.test('a wrong passphrase three times, and then the right one', async (t) => {
  const server = await serverFor(t);
  for (const input of ['wrong\n', '\n', `${world.keys.passphrase} \n`]) {
    const ended = await world.restore(['--socket', server.socket], { input });
    const code = input === '\n' ? 2 : 8;
    assertExplained(t, ended, code, /^error: cannot (open the private key|use an empty passphrase)/, /./);
    t.strictSame(await databasesOf(server), new Set(), 'nothing was begun');
  }
  await assertRestores(t, server);
});

t.test('a program is missing: it is named with its package, before anything is touched', async (t) => {
  const server = await serverFor(t);
  await assertRestores(t, server);
  await execute(server.root, 'CREATE TABLE shop.untouched (a INT)');
  const zstd = findProgram('zstd') !== undefined;
  const packed = zstd
    ? await world.inventoryWith((host) => {
        host.compression = { program: 'zstd' };
      })
    : undefined;
  if (packed !== undefined) await world.goodRun(packed);
  for (const [program, brings] of [
    ['mariadb', 'mariadb-client-core'],
    ['mariadb-dump', 'mariadb-client'],
    ...(zstd ? [['zstd', 'zstd'] as const] : []),
  ] as const) {
    const PATH = await folderOfProgramsWithout(world.at(`without-${program}`), program);
    const ended = await world.restore(['--socket', server.socket, ...overwrite], { env: { PATH } });
    const error = new RegExp(`^error: cannot find the program ${program} on this host$`);
    assertExplained(t, ended, 2, error, new RegExp(`apt-get install .* ${brings}$`));
    t.ok((await queryLines(server.root, 'SHOW TABLES FROM shop')).includes('untouched'), `without ${program}`);
  }
});

t.test('the run was sealed for a recipient that has been rotated away since', async (t) => {
  const server = await serverFor(t);
  const successor = world.at('keys/company-2027.pem');
  const generate = ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072', '-out', successor];
  const made = await run('openssl', generate);
  t.equal(made.exitCode, 0, made.stderr);
  const inventory = await world.inventoryWith((host) => {
    host.recipients = ['company-2027', 'escrow'];
  });
  const publicKey = await run('openssl', ['pkey', '-in', successor, '-pubout']);
  await writeFile(`${inventory}/recipients/company-2027.pem`, publicKey.stdout);
  await writeFile(`${inventory}/recipients/company.pem`, await readFile(`${inventory}/recipients/escrow.pem`));
  const from = ['--run', newest, '--socket', server.socket];
  const ended = await world.restore(['--key', successor, ...from], { inventory });
  assertExplained(
    t,
    ended,
    8,
    /this private key is none of its recipients': it is the one that company-2027 has now$/,
    /one of: company, escrow/,
  );
  t.strictSame(await databasesOf(server), new Set());
  const verified = await world.task('verify', ['--run', newest], { inventory });
  t.equal(verified.exitCode, 0, verified.stdout);
  const byOldKey = await world.restore(from, { inventory });
  t.equal(byOldKey.exitCode, 0, byOldKey.stderr);
  await assertAllIsBack(t, server);
});
