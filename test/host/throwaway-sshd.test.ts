import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd, stopThrowawaySshd, type ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { hasLoginShell } from '../login-shell.ts';
import { temporaryFolder } from '../temporary.ts';

/** Only root makes /run/sshd, and then nobody else can look into it. */
const isRoot = process.getuid?.() === 0;
const marks = () => (isRoot && existsSync('/run/sshd') ? readdirSync('/run/sshd') : []);
const hadFolder = existsSync('/run/sshd') && !marks().some((name) => name.startsWith('coffre-'));

async function logIn({ address, port, user, hostKey, identityPath }: ThrowawaySshd) {
  const identity = readFileSync(identityPath);
  return connectSsh({ address, port, user, hostKey, identity, unreachable: 'offsite-unreachable' });
}

t.test('offers SFTP and nothing else when told so', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const server = await startThrowawaySshd({ folder: join(folder, 'a b'), sftpOnly: true });
  t.teardown(() => server.stop().then(remove));
  const connection = await logIn(server);
  const sftp = await connection.sftp();
  t.match(await sftp.stat(folder), { kind: 'folder' });
  t.not((await connection.run(['touch', join(folder, 'x')])).stdout, 'ran');
  t.notOk(existsSync(join(folder, 'x')), 'no command runs');
  connection.close();
});

t.test('two at a time: the end of one leaves the other at work, and the last leaves nothing', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const [one, two] = await Promise.all([
    startThrowawaySshd({ folder: join(folder, 'one'), sftpOnly: false }),
    startThrowawaySshd({ folder: join(folder, 'two'), sftpOnly: false }),
  ]);
  await one.stop();
  t.throws(() => process.kill(one.pid, 0), { code: 'ESRCH' });
  const connection = await logIn(two);
  t.equal((await connection.run(['exit', '3'])).exitCode, hasLoginShell() ? 3 : 1);
  connection.close();
  await stopThrowawaySshd(join(folder, 'two'));
  t.throws(() => process.kill(two.pid, 0), { code: 'ESRCH' }, 'stopped by another call than its own');
  await t.rejects(logIn(two), { code: 'offsite-unreachable' });
  remove();
  if (isRoot && !hadFolder && existsSync('/run/sshd')) t.ok(marks().length > 0, 'only others still use it');
});

t.test('is stopped even when its folder is gone', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const server = await startThrowawaySshd({ folder, sftpOnly: false });
  remove();
  await server.stop();
  t.throws(() => process.kill(server.pid, 0), { code: 'ESRCH' });
});

t.test('a second start in the same folder keeps the keys and replaces the server', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const first = await startThrowawaySshd({ folder, sftpOnly: false });
  const second = await startThrowawaySshd({ folder, sftpOnly: false });
  t.teardown(() => second.stop().then(remove));
  t.equal(second.hostKey, first.hostKey);
  t.throws(() => process.kill(first.pid, 0), { code: 'ESRCH' });
});

t.test('says where the log is when sshd cannot start', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  writeFileSync(join(folder, 'host_ed25519'), 'no key', { mode: 0o600 });
  writeFileSync(join(folder, 'host_ed25519.pub'), 'ssh-ed25519 AAAA');
  await t.rejects(startThrowawaySshd({ folder, sftpOnly: false }), { code: 'unexpected', hint: /sshd\.log/ });
});
