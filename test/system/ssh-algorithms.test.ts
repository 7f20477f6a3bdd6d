import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { run } from '../../lib/system/command.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { temporaryFolder } from '../temporary.ts';

const { path: root, remove } = temporaryFolder();
t.teardown(remove);
const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

/** The ten name-lists of SSH_MSG_KEXINIT (RFC 4253, 7.1) that a client sends first. */
async function offered(identity: Buffer): Promise<readonly (readonly string[])[]> {
  const listening = createServer();
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as { port: number };
  const heard = new Promise<Buffer>((resolve) => {
    listening.once('connection', (socket) => {
      let bytes = Buffer.alloc(0);
      socket.on('error', () => undefined).write('SSH-2.0-test\r\n');
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        const start = bytes.indexOf('\r\n') + 2;
        if (start < 2 || bytes.length < start + 4 || bytes.length < start + 4 + bytes.readUInt32BE(start)) return;
        resolve(bytes.subarray(start + 4));
        socket.destroy();
      });
    });
  });
  const target = { address: '127.0.0.1', port, user: 'x', hostKey: HOST_KEY, identity };
  await t.rejects(connectSsh({ ...target, unreachable: 'offsite-unreachable' }));
  listening.close();
  const packet = await heard;
  const lists: string[][] = [];
  for (let at = 1 + 1 + 16; lists.length < 8; ) {
    const length = packet.readUInt32BE(at);
    lists.push(packet.toString('latin1', at + 4, at + 4 + length).split(','));
    at += 4 + length;
  }
  return lists;
}

t.test('nothing weak is ever offered', async (t) => {
  const sshd = await startThrowawaySshd({ folder: join(root, 'keys'), sftpOnly: true });
  await sshd.stop();
  const [kex = [], hostKeys = [], ...others] = await offered(readFileSync(sshd.identityPath));
  t.same(hostKeys, ['ssh-ed25519'], 'only the type of the pinned key');
  const all = [...kex, ...others.flat()];
  t.ok(all.includes('aes128-gcm@openssh.com') && all.includes('hmac-sha2-256-etm@openssh.com'));
  t.same(
    all.filter((name) => /sha1|md5|cbc|arcfour|3des|umac-64|group1-|ripemd/.test(name)),
    [],
  );
});

t.test('a server that has only weak ones is refused', async (t) => {
  for (const [index, line] of ['Ciphers aes128-cbc', 'Ciphers aes128-ctr\nMACs hmac-sha1'].entries()) {
    const lines = [line];
    const sshd = await startThrowawaySshd({ folder: join(root, `weak-${index}`), sftpOnly: true, lines });
    const { address, port, user, hostKey, identityPath } = sshd;
    const identity = readFileSync(identityPath);
    const connecting = connectSsh({ address, port, user, hostKey, identity, unreachable: 'offsite-unreachable' });
    await t.rejects(connecting, { code: 'offsite-unreachable', message: /no matching/, hint: /Ciphers/ }, line);
    await sshd.stop();
  }
});

t.test('AES comes first where the processor has instructions for it, and ChaCha20 where it has not', async (t) => {
  if (process.arch !== 'x64' || !/\baes\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))) return;
  const code = `import { strongAlgorithms } from ${JSON.stringify(new URL('../../lib/system/ssh-algorithms.ts', import.meta.url).href)};
    console.log(strongAlgorithms().cipher[0]);`;
  const first = async (env: Record<string, string>) => {
    const words = ['--import=tsx', '--input-type=module', '--eval', code];
    return (await run(process.execPath, words, { env })).stdout.trim();
  };
  t.equal(await first({}), 'aes128-gcm@openssh.com');
  t.equal(await first({ OPENSSL_ia32cap: '~0x200000200000000' }), 'chacha20-poly1305@openssh.com');
});
