import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd, type ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { asCoffreError } from '../../lib/model/error.ts';
import type { Bytes } from '../../lib/model/stages.ts';
import { run } from '../../lib/system/command.ts';
import { connectSsh, type SshTarget } from '../../lib/system/ssh.ts';
import { bytesOf, chunked, collect } from '../bytes.ts';
import { hasLoginShell } from '../login-shell.ts';
import { temporaryFolder } from '../temporary.ts';
import { until } from '../until.ts';

const { path: root, remove } = temporaryFolder();
for (const name of ['data', 'other']) mkdirSync(join(root, name));
const data = join(root, 'data');
const server: ThrowawaySshd = await startThrowawaySshd({ folder: join(root, 'sshd'), sftpOnly: false });
t.teardown(async () => {
  await server.stop();
  remove();
});

function target(change: Partial<SshTarget> = {}): SshTarget {
  const identity = readFileSync(server.identityPath);
  const { address, port, user, hostKey } = server;
  return { address, port, user, hostKey, identity, unreachable: 'offsite-unreachable', ...change };
}

t.test('runs a command with its words quoted, whatever is in them', async (t) => {
  const connection = await connectSsh(target());
  t.teardown(() => connection.close());
  if (!hasLoginShell()) {
    t.not((await connection.run(['true'])).exitCode, 0);
    return;
  }
  const odd = ["it's", '$(touch x)', 'a b', '`id`', '"', '\\', 'ü\n', ''];
  const ended = await connection.run(['printf', '%s|', ...odd]);
  t.match(ended, { exitCode: 0, stdout: odd.map((word) => `${word}|`).join('') });
  t.match(await connection.run(['sh', '-c', 'cat; echo no >&2; exit 3'], { input: 'in' }), {
    exitCode: 3,
    stdout: 'in',
    stderr: 'no\n',
  });
  t.equal((await connection.run(['sh', '-c', 'kill -9 $$'])).exitCode, null, 'killed is not ended');
});

t.test('accepts no other host key, of the same type or of another', async (t) => {
  const other = join(root, 'other', 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
  const [type, base64] = readFileSync(`${other}.pub`, 'utf8').split(' ');
  for (const hostKey of [`${type} ${base64}`, `ssh-rsa ${base64}`, server.hostKey.slice(0, -4)]) {
    await t.rejects(connectSsh(target({ hostKey })), { code: 'host-key', exitCode: 8, hint: /ssh-keyscan/ }, hostKey);
  }
});

t.test('says when the key is not accepted, and when it cannot be used', async (t) => {
  const identity = readFileSync(join(root, 'other', 'key'));
  const noneIsOpen = () => !process.getActiveResourcesInfo().includes('TCPSocketWrap');
  await until('the connections of the tests before are closed', noneIsOpen, 10_000);
  await t.rejects(connectSsh(target({ identity })), { code: 'offsite-unreachable', hint: /authorized_keys/ });
  await t.rejects(connectSsh(target({ identity: 'nonsense' })), { code: 'offsite-unreachable', hint: /ssh-keygen/ });
  // It would keep this process from ending until sshd closes it, after two minutes.
  await t.resolves(until('none of these connections is open', noneIsOpen, 10_000));
});

t.test('takes an identity under a passphrase, and says so when that is wrong', async (t) => {
  const locked = join(root, 'other', 'locked');
  writeFileSync(locked, readFileSync(server.identityPath), { mode: 0o600 });
  await run('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', locked]);
  const identity = readFileSync(locked);
  (await connectSsh(target({ identity, passphrase: 'open sesame' }))).close();
  await t.rejects(connectSsh(target({ identity, passphrase: 'wrong' })), {
    code: 'offsite-unreachable',
    hint: /ssh-keygen/,
  });
  const error = asCoffreError(await connectSsh(target({ identity, passphrase: 'wrong' })).catch((e) => e));
  t.notOk(error.message.includes('wrong'));
});

t.test('does not hang: refused, silent, interrupted', async (t) => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const port = (silent.address() as { port: number }).port;
  await t.rejects(connectSsh(target({ port, readyTimeoutMs: 300 })), {
    code: 'offsite-unreachable',
    message: /Timed out/,
  });
  const control = new AbortController();
  const connecting = connectSsh(target({ port, signal: control.signal }));
  control.abort();
  await t.rejects(connecting, { code: 'interrupted' });
  await t.rejects(connectSsh(target({ port, signal: control.signal })), { code: 'interrupted' });
  silent.close();
  await t.rejects(connectSsh(target({ port: 1 })), { code: 'offsite-unreachable', hint: /ssh -v/ });
});

/** Forwards to the server until told to go dead: then it swallows every byte and closes nothing. */
async function deadEnd() {
  const sockets: Socket[] = [];
  let dead = false;
  const proxy = createServer((near) => {
    const far = connect(server.port, '127.0.0.1');
    sockets.push(near, far);
    near.on('data', (bytes) => dead || far.write(bytes)).on('error', () => undefined);
    far.on('data', (bytes) => dead || near.write(bytes)).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = () => {
    cut();
    proxy.close();
  };
  const die = () => {
    dead = true;
  };
  return {
    port: (proxy.address() as { port: number }).port,
    die,
    stop,
    cut,
  };
}

async function* endless(onChunk: (count: number) => void): Bytes {
  for (let count = 1; ; count++) {
    yield Buffer.alloc(65536);
    onChunk(count);
  }
}

t.test('a link that goes dead or is cut in mid-upload, or mid-command, ends with an error', async (t) => {
  for (const how of ['die', 'cut'] as const) {
    const link = await deadEnd();
    const connection = await connectSsh(target({ port: link.port, silenceMs: 400 }));
    const sftp = await connection.sftp();
    const sleeping = connection.run(['sleep', '60']);
    const uploading = sftp.upload(
      join(data, `broken-${how}`),
      endless((count) => count === 50 && link[how]()),
    );
    await t.rejects(uploading, { code: 'offsite-unreachable' }, how);
    t.equal((await sleeping).exitCode, hasLoginShell() ? null : 1);
    await t.rejects(sftp.stat(data), { code: 'offsite-unreachable' });
    await t.rejects(connection.run(['true']), { code: 'offsite-unreachable' });
    await t.rejects(connection.sftp(), { code: 'offsite-unreachable' });
    connection.close();
    link.stop();
  }
});

t.test('an interrupted upload says so', async (t) => {
  const control = new AbortController();
  const connection = await connectSsh(target({ signal: control.signal }));
  const sftp = await connection.sftp();
  const uploading = sftp.upload(
    join(data, 'interrupted'),
    endless((count) => count === 20 && control.abort()),
  );
  await t.rejects(uploading, { code: 'interrupted' });
  connection.close();
});

t.test('SFTP: files and folders', async (t) => {
  const connection = await connectSsh(target());
  const sftp = await connection.sftp();
  const path = (name: string) => join(data, name);
  t.equal(await sftp.stat(path('none')), undefined);
  await t.rejects(sftp.list(path('none')), { code: 'not-found' });
  await sftp.makeFolder(path("a/b/c 'd"));
  await sftp.makeFolder(path('a/b'));
  t.match(await sftp.stat(path('a/b')), { kind: 'folder' });

  const content = randomBytes(5_000_001);
  t.equal(await sftp.upload(path('a/b/file'), chunked(content, [100_000, 3, 32768])), content.length);
  t.ok(readFileSync(path('a/b/file')).equals(content));
  t.match(await sftp.stat(path('a/b/file')), { kind: 'file', sizeBytes: content.length });
  t.equal(await sftp.upload(path('a/empty'), bytesOf()), 0);
  await t.rejects(sftp.upload(path('a/empty'), bytesOf('x')), { code: 'offsite-unreachable' }, 'never overwrites');

  t.ok((await collect(sftp.download(path('a/b/file')))).equals(content));
  t.ok(
    (await collect(sftp.download(path('a/b/file'), 4_000_000, 70_000))).equals(content.subarray(4_000_000, 4_070_000)),
  );
  t.equal((await collect(sftp.download(path('a/b/file'), 5_000_000))).length, 1);
  t.equal((await collect(sftp.download(path('a/empty')))).length, 0);
  await t.rejects(collect(sftp.download(path('a/none'))), { code: 'not-found' });
  for await (const _some of sftp.download(path('a/b/file'))) break;

  await sftp.rename(path('a/b'), path('a/x'));
  t.same((await sftp.list(path('a'))).map(({ name, kind }) => `${kind} ${name}`).sort(), ['file empty', 'folder x']);
  mkdirSync(path('taken'));
  writeFileSync(path('taken/file'), '');
  await t.rejects(sftp.rename(path('a/x'), path('taken')), { code: 'offsite-unreachable' });
  await sftp.removeFile(path('a/empty'));
  await sftp.removeFolder(path('a'));
  await sftp.removeFolder(path('a'));
  t.notOk(existsSync(path('a')));
  connection.close();
});

t.test('SFTP: the failing source of an upload is what is reported', async (t) => {
  const connection = await connectSsh(target());
  const sftp = await connection.sftp();
  const source = async function* (): Bytes {
    yield Buffer.alloc(1000);
    throw new Error('the source broke');
  };
  await t.rejects(sftp.upload(join(data, 'half'), source()), { message: 'the source broke' });
  connection.close();
});

t.test('SFTP: a file that shrinks under a download gives fewer bytes and does not hang', async (t) => {
  const connection = await connectSsh(target());
  const sftp = await connection.sftp();
  const path = join(data, 'shrinks');
  writeFileSync(path, Buffer.alloc(20_000_000));
  let got = 0;
  for await (const chunk of sftp.download(path)) {
    if (got === 0) truncateSync(path, 40_000);
    got += chunk.length;
  }
  t.ok(got < 20_000_000, `${got}`);
  connection.close();
});
