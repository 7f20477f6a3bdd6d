import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { operatorLogin } from '../../lib/flow/login.ts';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { run } from '../../lib/system/command.ts';
import { exists } from '../../lib/system/files.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { temporaryFolder } from '../temporary.ts';
import { until } from '../until.ts';

const { path: folder, remove } = temporaryFolder();
const server = await startThrowawaySshd({ folder: join(folder, 'sshd'), sftpOnly: true });
const { address, port, user, hostKey, identityPath } = server;
const ssh = { address, port, user, hostKey };
t.teardown(async () => {
  await server.stop();
  remove();
});

t.test('the key of the command line comes before that of the inventory, and both before the agent', async (t) => {
  const key = readFileSync(identityPath);
  t.strictSame(await operatorLogin(identityPath, '/agent')({ ...ssh, identity: '/nonexistent' }), key);
  t.strictSame(await operatorLogin(undefined, '/agent')({ ...ssh, identity: identityPath }), key);
  t.strictSame(await operatorLogin(undefined, '/agent')(ssh), { agentSocket: '/agent' });
  await t.rejects(operatorLogin('/nonexistent', undefined)(ssh), { code: 'not-found', hint: /--identity/ });
});

t.test('~ is the home of the operator, and the last key that is looked for is there', async (t) => {
  const home = process.env.HOME;
  t.teardown(() => {
    process.env.HOME = home;
  });
  process.env.HOME = t.testdir({ '.ssh': { id_ed25519: 'the key', other: 'another' } });
  t.equal(`${await operatorLogin(undefined, undefined)(ssh)}`, 'the key');
  t.equal(`${await operatorLogin('~/.ssh/other', undefined)(ssh)}`, 'another');
  process.env.HOME = '/nonexistent';
  await t.rejects(operatorLogin(undefined, undefined)(ssh), { code: 'not-found', hint: /ssh-add/ });
});

t.test('a key that only an SSH agent has logs in', async (t) => {
  const socket = join(folder, 'agent.sock');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  t.teardown(async () => {
    const ended = once(agent, 'exit');
    agent.kill();
    await ended;
  });
  await until('the agent listens', () => exists(socket));
  const identity = await operatorLogin(undefined, socket)(ssh);
  const target = { ...ssh, identity, unreachable: 'host-unreachable' } as const;
  await t.rejects(connectSsh(target), { code: 'host-unreachable', hint: /authorized_keys/ }, 'it has no key yet');
  const added = await run('ssh-add', ['-q', identityPath], { env: { SSH_AUTH_SOCK: socket } });
  t.equal(added.exitCode, 0, added.stderr);
  const connection = await connectSsh(target);
  t.match(await (await connection.sftp()).stat(folder), { kind: 'folder' });
  connection.close();
  await t.rejects(connectSsh({ ...target, identity: { agentSocket: `${socket}-gone` } }), { code: 'host-unreachable' });
});
