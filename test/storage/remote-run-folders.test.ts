import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { openRemoteRunFolders } from '../../lib/storage/remote-run-folders.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { collect } from '../bytes.ts';
import { hasLoginShell } from '../login-shell.ts';
import { temporaryFolder } from '../temporary.ts';

const RUN = RunId.parse('2026-11-22T040000Z');
const CONTENT = Buffer.from(Array.from({ length: 400_000 }, (_, at) => (at * 13) % 256));
const skip = hasLoginShell() ? false : 'the user of this test has no login shell';

t.test('the runs of a host that one can only log in to', { skip }, async (t) => {
  const temporary = temporaryFolder();
  const sshd = await startThrowawaySshd({ folder: temporary.path, sftpOnly: false });
  const { address, port, user, hostKey } = sshd;
  const identity = await readFile(sshd.identityPath);
  const connection = await connectSsh({ address, port, user, hostKey, identity, unreachable: 'host-unreachable' });
  t.teardown(async () => {
    connection.close();
    await sshd.stop();
    temporary.remove();
  });
  const path = t.testdir({
    "it's a store": {
      [RUN]: { 'a.enc': CONTENT, '-n': 'x', '.hidden': '', folder: {} },
      '.2026-11-23T040000Z.partial': {},
      'lost+found': {},
    },
  });
  const store = join(path, "it's a store");
  await symlink('/nowhere', join(store, RUN, 'dangling'));
  const prefix = ['env', 'NOTHING=1'];
  const folders = openRemoteRunFolders(connection, { name: 'db1', path: store, prefix });
  t.strictSame(await folders.listRuns(), [RUN]);
  t.equal(await folders.openRun(RunId.parse('2020-01-01T000000Z')), undefined);
  const reader = await folders.openRun(RUN);
  if (!reader) throw new Error('it is there');
  t.equal(reader.where, `db1:${store}/${RUN}`);
  t.strictSame(await reader.list(), ['-n', 'a.enc', 'dangling', 'folder']);
  t.equal(await reader.sizeOf('a.enc'), CONTENT.length);
  t.equal(await reader.sizeOf('-n'), 1);
  t.equal(await reader.sizeOf('b.enc'), undefined);
  t.equal(await reader.sizeOf('dangling'), undefined);
  await t.rejects(reader.sizeOf('folder'), { code: 'verification-failed' });
  await t.rejects(reader.sizeOf('../x'), /not the name of a file/);
  t.ok((await collect(reader.read('a.enc'))).equals(CONTENT));
  t.ok((await collect(reader.read('a.enc', 1000, 70_000))).equals(CONTENT.subarray(1000, 71_000)));
  t.equal((await collect(reader.read('a.enc', 399_999, 10))).length, 1);
  t.equal((await collect(reader.read('a.enc', 500_000))).length, 0);
  for await (const chunk of reader.read('a.enc')) {
    t.ok(chunk.length > 0);
    break; // and what reads it over there ends
  }
  await t.rejects(collect(reader.read('b.enc')), { code: 'unexpected', message: /No such file/ });
  const nowhere = openRemoteRunFolders(connection, { name: 'db1', path: `${path}/nowhere`, prefix });
  await t.rejects(nowhere.listRuns(), { code: 'not-found', message: /no such folder/ });
  const notMine = openRemoteRunFolders(connection, { name: 'db1', path: store, prefix: ['false'] });
  await t.rejects(notMine.listRuns(), { code: 'unexpected', message: /it ended with 1/ });
  connection.close();
  await t.rejects(folders.listRuns(), { code: 'host-unreachable' });
});
