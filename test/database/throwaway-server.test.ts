import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { execute } from '../../lib/database/client.ts';
import { isRunning, stopServer } from '../../lib/database/stop-server.ts';
import { startThrowawayServer } from '../../lib/database/throwaway-server.ts';

t.test('starts, listens on loopback when asked, keeps its data, and stops', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const server = await startThrowawayServer({ folder, network: true });
  await execute(server.root, 'CREATE DATABASE kept');
  await execute({ ...server.root, server: { kind: 'loopback', port: server.port ?? 0 } }, 'USE kept');
  await server.stop();
  await t.rejects(execute(server.root, 'DO 0'), { code: 'database-unreachable' });

  const again = await startThrowawayServer({ folder });
  await execute(again.root, 'USE kept');
  t.equal(again.port, null);
  const record = { pid: again.pid, data: join(folder, 'data') };
  t.ok(await isRunning(record));
  await stopServer({ ...record, data: '/another/server' });
  t.ok(await isRunning(record), 'a process that is not that server is left alone');
  await stopServer(record);
  t.notOk(await isRunning(record));
  await t.resolves(stopServer(record), 'one that is gone already');
});

t.test('puts its socket elsewhere when the path gets too long, and takes it away again', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const server = await startThrowawayServer({ folder: join(folder, 'deep'.repeat(25)) });
  t.not(dirname(server.socket), server.folder);
  await execute(server.root, 'DO 0');
  await server.stop();
  t.notOk(existsSync(dirname(server.socket)));
});

t.test('says where to look when the server does not come up, and leaves none running', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await t.rejects(startThrowawayServer({ folder, extra: ['--no-such-option'] }), {
    code: 'database-unreachable',
    hint: /mariadbd\.log/,
  });
  t.ok((await readdir(folder)).includes('mariadbd.log'));
  await new Promise<void>((resolve) => {
    connect(join(folder, 'mariadbd.sock')).once('error', () => resolve());
  });
});
