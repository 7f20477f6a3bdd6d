import { chmodSync, copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd, type ThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { openSftpOffsite } from '../../lib/storage/sftp-offsite.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { offsiteContract } from '../contract/offsite.ts';
import { hasLoginShell } from '../login-shell.ts';
import { temporaryFolder } from '../temporary.ts';

const { path: root, remove } = temporaryFolder();
const dumb = await startThrowawaySshd({ folder: join(root, 'dumb'), sftpOnly: true });
const shell = await startThrowawaySshd({ folder: join(root, 'shell'), sftpOnly: false });
t.teardown(async () => {
  await Promise.all([dumb.stop(), shell.stop()]);
  remove();
});

function config(server: ThrowawaySshd, path: string, change: Partial<SftpOffsiteConfig> = {}): SftpOffsiteConfig {
  const { address, port, user, hostKey, identityPath: identity } = server;
  return SftpOffsiteConfig.parse({
    name: 'contractor',
    kind: 'sftp',
    address,
    port,
    user,
    path,
    hostKey,
    identity,
    ...change,
  });
}

offsiteContract(t, {
  name: 'SFTP and nothing more',
  open: (folder) => openSftpOffsite(config(dumb, folder)),
  verified: 'read back',
  resumes: true,
});
offsiteContract(t, {
  name: 'SFTP with a shell',
  open: (folder) => openSftpOffsite(config(shell, folder)),
  verified: hasLoginShell() ? 're-hashed remotely' : 'read back',
  resumes: true,
});
offsiteContract(t, {
  name: 'SFTP, only sizes',
  open: (folder) => openSftpOffsite(config(shell, folder, { verify: 'size' })),
  verified: 'size only',
  resumes: true,
});

const RUN = RunId.parse('2026-11-22T040000Z');
const FACTS = { sizeBytes: 3, sha256: sha256Of('abc') };

t.test('says that a server cannot hash when hashing was asked for', async (t) => {
  const folder = t.testdir();
  const offsite = await openSftpOffsite(config(dumb, folder, { verify: 'rehash' }));
  const upload = await offsite.beginRun(RUN);
  await t.rejects(
    upload.put('a', Buffer.from('abc'), async () => FACTS),
    { code: 'offsite-unreachable', hint: /verify: auto/ },
  );
  await upload.discard();
  t.same(readdirSync(folder), []);
  offsite.close();
});

t.test('makes the folder of the offsite when it is not there', async (t) => {
  const folder = join(t.testdir(), 'backups', 'db1');
  const offsite = await openSftpOffsite(config(dumb, folder));
  await t.rejects(offsite.listRuns(), { code: 'not-found' });
  await (await offsite.beginRun(RUN)).commit();
  t.same(await offsite.listRuns(), [RUN]);
  offsite.close();
});

t.test('uses no identity that others can read, or that is not there', async (t) => {
  const folder = t.testdir();
  const identity = join(folder, 'identity');
  copyFileSync(dumb.identityPath, identity);
  chmodSync(identity, 0o640);
  await t.rejects(openSftpOffsite(config(dumb, folder, { identity })), { code: 'refused', hint: /chmod 600/ });
  await t.rejects(openSftpOffsite(config(dumb, folder, { identity: `${identity}x` })), { code: 'not-found' });
});

t.test('does not talk to a server with another key', async (t) => {
  await t.rejects(openSftpOffsite(config(dumb, t.testdir(), { hostKey: shell.hostKey })), { code: 'host-key' });
});
