import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { HostName } from '../../lib/model/names.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { contractorSide } from '../../lib/storage/contractor-side.ts';
import { checkFarEnd } from '../../lib/storage/far-end-check.ts';
import type { FarEndAnswer } from '../../lib/storage/far-end-condition.ts';
import type { SshTarget } from '../../lib/system/ssh.ts';
import { noContractor, startContractor } from '../fixture/contractor.ts';
import { startProxy } from '../fixture/proxy.ts';
import { temporaryFolder } from '../temporary.ts';

const skip = (await noContractor()) ?? false;
const NOW = Date.parse('2026-11-22T04:00:00Z');
const failed = (all: readonly FarEndAnswer[]) =>
  all.filter(({ outcome }) => outcome === 'failed').map(({ check, detail }) => `${check}: ${detail}`);
const untried = (all: readonly FarEndAnswer[]) => all.filter(({ outcome }) => outcome === 'untried').length;

/** Replaces lines of the rules by their keyword; undefined takes one away. */
function changed(rules: string, change: Readonly<Record<string, string | undefined>>): string {
  const kept = rules.split('\n').filter((line) => !Object.keys(change).includes(line.trim().split(' ')[0] ?? ''));
  const added = Object.entries(change).flatMap(([key, value]) => (value === undefined ? [] : [`    ${key} ${value}`]));
  return kept.join('\n').replace('Match all', `${added.join('\n')}\nMatch all`);
}

t.test("a contractor's server, sound and with one weakness at a time", { skip }, async (t) => {
  const contractor = await startContractor(t);
  const { hostKey, hostIdentity, hostPublicKey, sh, serve } = contractor;
  const path = '/backups/db1';
  const offsite = SftpOffsiteConfig.parse({
    ...{ name: 'contractor', kind: 'sftp', address: '127.0.0.1', user: 'acme', path, hostKey },
  });
  const side = contractorSide(offsite, hostPublicKey, HostName.parse('db1'));
  // By the very words that the contractor is told.
  await sh(side.commands.before.join('\n'));
  await sh('printf "%s\\n" "$2" > "$1"', side.keys.path, side.keys.line);
  // What the account may do without any rule for its key, and with a shell in its chroot.
  await sh('printf "%s" "$1" > /etc/ssh/plain_keys; usermod -s /bin/sh acme', hostPublicKey);
  const rules = side.rules.content;
  const plain = { AuthorizedKeysFile: '/etc/ssh/plain_keys' };
  const sound = await serve(rules);
  const at = (port: number, change: Partial<SshTarget> = {}): SshTarget => ({
    ...{ address: '127.0.0.1', port, user: 'acme', hostKey, unreachable: 'offsite-unreachable' },
    ...{ identity: readFileSync(hostIdentity), ...change },
  });
  const there = () => sh('find /srv -name usr -prune -o -printf "%y %m %u %p\\n"');
  const check = async (port: number, where = path, others: readonly string[] = []) => {
    const before = await there();
    const all = await checkFarEnd({ target: at(port), path: where, others }, NOW);
    t.equal(await there(), before, 'it leaves nothing behind');
    return all;
  };
  const weak = async (change: Readonly<Record<string, string | undefined>>) =>
    check(await serve(changed(rules, change)));

  t.test('sound: every condition is met', async (t) => {
    const all = await check(sound, path, [path, '/', '/backups/db2', '/etc']);
    t.same(failed(all), []);
    t.equal(untried(all), 0);
    t.equal(all.length, 12);
    t.match(all.at(-1), {
      check: 'offers',
      detail: /^it flushes to the disk, no rename replaces a file, [\d.]+ GB free$/,
    });
    t.ok(all.every(({ hint }) => hint === null));
  });

  t.test('a password is offered', async (t) => {
    const all = await weak({ AuthenticationMethods: 'any', PasswordAuthentication: 'yes' });
    t.same(failed(all), ['password: it offers password besides publickey']);
    t.match(all.find(({ check }) => check === 'password')?.hint, /AuthenticationMethods publickey/);
  });

  t.test('a terminal, a command and a shell', async (t) => {
    t.same(failed(await weak({ ...plain, PermitTTY: 'yes' })), ['command: it gives a terminal']);
    // A shell inside the chroot, as it is there where somebody has copied one into it.
    await sh(`cd "$1"; mkdir usr; mount --bind /usr usr; ln -s usr/bin usr/lib usr/lib64 .`, side.chroot);
    const all = await weak({ ...plain, ForceCommand: undefined });
    await sh('cd "$1"; umount usr; rmdir usr; rm bin lib lib64', side.chroot);
    t.same(failed(all), ['command: it runs commands, it gives a shell']);
    t.match(all.find(({ check }) => check === 'command')?.hint, /ForceCommand internal-sftp/);
  });

  t.test('another subsystem, but not SFTP under another name', async (t) => {
    const subsystem = async (program: string) =>
      failed(
        await check(
          await serve(
            `Subsystem netconf ${program}\n${changed(rules, { ...plain, ChrootDirectory: 'none', ForceCommand: undefined })}`,
          ),
          side.folder,
        ),
      );
    t.match((await subsystem('/bin/cat')).join('\n'), /^command: .*it offers the subsystem netconf$/m);
    t.notMatch((await subsystem('internal-sftp')).join('\n'), /netconf/);
  });

  t.test('no chroot', async (t) => {
    const port = await serve(changed(rules, { ChrootDirectory: 'none' }));
    t.same(failed(await check(port, side.folder)), ['folder: it can open /etc/passwd']);
    const linked = await serve(
      changed(rules, {
        ChrootDirectory: 'none',
        ForceCommand: 'internal-sftp -p open,close,read,write,lstat,fstat,remove,rename,symlink,realpath',
      }),
    );
    t.match(failed(await check(linked, side.folder)), ['folder: it can open /etc/passwd']);
  });

  t.test('ports and sockets are forwarded', async (t) => {
    const open = { ...plain, DisableForwarding: 'no' };
    const port = await serve(changed(rules, { ...open, AllowTcpForwarding: 'local' }));
    t.same(failed(await check(port)), [`forward: it connects to its own port ${port}, it connects to its own port 25`]);
    t.same(failed(await weak({ ...open, AllowTcpForwarding: 'remote' })), ['forward: it listens on a port']);
    const socket = { AllowTcpForwarding: 'remote', AllowStreamLocalForwarding: 'yes' };
    t.same(failed(await weak({ ...open, ...socket })), ['forward: it listens on a port, it listens on a socket']);
    const all = await weak({ ...plain, DisableForwarding: 'no' });
    t.same(failed(all), [], 'each line of the rules holds alone');
  });

  t.test("another customer's folder can be read", async (t) => {
    await sh(
      'mkdir -m 0755 "$1/backups/db2" "$1/theirs"; mkdir -m 0711 "$1/far"; mkdir "$1/far/away"; chmod 0711 "$1"; chmod 0755 "$1/far/away"',
      side.chroot,
    );
    const all = await check(sound, path, ['/far/away', '/far/none']);
    t.same(failed(all), ['others: it can read /backups/db2, /far/away']);
    t.match(all.find(({ check }) => check === 'others')?.hint, /ChrootDirectory/);
    await sh('chmod 0755 "$1"', side.chroot);
    t.same(failed(await check(sound)), ['others: it can read /backups/db2, /theirs']);
    await sh('chmod 0700 "$1/backups/db2" "$1/theirs"', side.chroot);
    t.same(failed(await check(sound)), [], 'what is there and closed is no finding');
    await sh('rmdir "$1/backups/db2" "$1/theirs" "$1/far/away" "$1/far"', side.chroot);
  });

  t.test('its own keys can be changed', async (t) => {
    await sh('mkdir -m 0700 "$1/.ssh"; touch "$1/.ssh/authorized_keys"; chown -R acme: "$1/.ssh"', side.chroot);
    t.same(failed(await check(sound)), ['keys: it can change .ssh/authorized_keys']);
    await sh('rm -r "$1/.ssh"', side.chroot);
  });

  t.test('it cannot be written into', async (t) => {
    await sh('chown root: "$1"; chmod 0755 "$1"', side.folder);
    const all = await check(sound);
    t.match(failed(all), [/^write: cannot write .* permission denied$/]);
    t.match(all.find(({ check }) => check === 'write')?.hint, /belong to the account/);
    t.match(failed(await check(sound, '/backups/none')), [/^write: cannot make the folder/]);
    await sh('chown acme: "$1"; chmod 0700 "$1"', side.folder);
    t.match(failed(await weak({ ForceCommand: 'internal-sftp -P rename,posix-rename' })), [
      /^write: cannot rename .* permission denied$/,
    ]);
    t.equal(await sh('ls -A "$1"', side.folder), '');
  });

  t.test('a rename that replaces files is told, and no fault', async (t) => {
    const all = await weak({ ForceCommand: 'internal-sftp -P fsync,statvfs' });
    t.same(failed(all), []);
    t.match(
      all.at(-1)?.detail,
      'it cannot flush to the disk, a rename can replace a file, it does not tell its free space',
    );
  });

  t.test('what an interrupted check left behind is taken away by a later one, and nothing else', async (t) => {
    const names = [NOW - 4_000_000, NOW - 1000].map((made) => `coffre-check-${made}-0123456789ab-written`);
    await sh(
      'cd "$1"; shift; touch "$@"; mkdir coffre-check-1-0123456789ab-folder',
      side.folder,
      ...names,
      'coffre-check-1',
    );
    await checkFarEnd({ target: at(sound), path, others: [] }, NOW);
    t.same((await sh('cd "$1"; ls; rm -r ./*', side.folder)).trim().split('\n').sort(), [
      'coffre-check-1',
      'coffre-check-1-0123456789ab-folder',
      names[1],
    ]);
  });

  t.test('another host key, another identity: nothing more is tried', async (t) => {
    const adminKey = readFileSync(`${contractor.adminIdentity}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
    const other = await checkFarEnd({ target: at(sound, { hostKey: adminKey }), path, others: [] }, NOW);
    t.match(failed(other), [/^host-key: .*does not show the pinned host key/]);
    t.equal(untried(other), 10);
    const identity = readFileSync(contractor.adminIdentity);
    const stranger = await checkFarEnd({ target: at(sound, { identity }), path, others: [] }, NOW);
    t.match(failed(stranger), [/^login: .*does not accept the key/]);
  });

  t.test('a link that goes dead in the middle ends the check, and soon', async (t) => {
    const proxy = await startProxy(sound);
    t.teardown(() => proxy.close());
    for (const bytes of [100, 3000, 7000, 10_000]) {
      proxy.breakAfter(bytes, 'hang');
      const all = await checkFarEnd({ target: at(proxy.port), path, others: [] }, NOW, 400);
      t.equal(failed(all).length, 1, `${bytes}: ${failed(all)}`);
      t.ok(untried(all) > 0);
      proxy.mend();
    }
    await sh('rm -f "$1"/*', side.folder);
  });
});

t.test('a silent server, one that is not there, and an interruption', async (t) => {
  const { path: root, remove } = temporaryFolder();
  t.teardown(remove);
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  const { port } = silent.address() as { port: number };
  const target: SshTarget = {
    ...{ address: '127.0.0.1', port, user: 'acme', hostKey: 'ssh-ed25519 AAAA', identity: 'none' },
    unreachable: 'offsite-unreachable',
  };
  const all = await checkFarEnd({ target, path: root, others: [] }, NOW, 300);
  t.match(failed(all), [/^reach: /]);
  t.equal(untried(all), 11);
  t.match(failed(await checkFarEnd({ target: { ...target, port: 1 }, path: root, others: [] }, NOW)), [/^reach: /]);
  const control = new AbortController();
  const checking = checkFarEnd({ target: { ...target, signal: control.signal }, path: root, others: [] }, NOW);
  control.abort();
  await t.rejects(checking, { code: 'interrupted' });
});

t.test('a server of an ordinary user without a chroot', async (t) => {
  const { path: root, remove } = temporaryFolder();
  const server = await startThrowawaySshd({ folder: join(root, 'sshd'), sftpOnly: true });
  t.teardown(async () => {
    await server.stop();
    remove();
  });
  const path = join(root, 'db1');
  writeFileSync(join(root, 'theirs'), '');
  const { address, port, user, hostKey } = server;
  const target: SshTarget = {
    ...{
      address,
      port,
      user,
      hostKey,
      identity: readFileSync(server.identityPath),
      unreachable: 'offsite-unreachable',
    },
  };
  const all = await checkFarEnd({ target, path, others: [] }, NOW);
  const of = (name: string) => all.find(({ check }) => check === name);
  for (const met of ['reach', 'host-key', 'password', 'login', 'write', 'offers']) t.equal(of(met)?.outcome, 'ok', met);
  // An sshd that is not root's breaks the connection over a terminal: the rest is looked at all the same.
  const terminal = process.getuid?.() === 0 ? 'it gives a terminal' : /the connection broke/;
  t.match(of('command'), { outcome: 'failed', detail: terminal, hint: /PermitTTY no/ });
  t.equal(untried(all), 0);
  t.match(of('folder'), { outcome: 'failed', detail: 'it can open /etc/passwd', hint: /ChrootDirectory/ });
  t.match(of('forward'), { outcome: 'ok' });
  t.match(of('others'), { outcome: 'failed', detail: /theirs/ });
  t.same(readdirSync(path), []);
});
