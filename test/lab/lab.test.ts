import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { sleep } from '../../lib/system/clock.ts';
import { run } from '../../lib/system/command.ts';
import { temporaryFolder } from '../temporary.ts';
import { downLab, type Lab, openLab } from './lab.ts';
import { logIn } from './log-in.ts';
import { startLab } from './start-lab.ts';
import { tracesOf } from './traces.ts';
import { whyNoLab } from './why-no-lab.ts';

const reason = whyNoLab();

t.test('the lab', { skip: reason ?? false }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const lab = await startLab({
    folder,
    hosts: [
      { name: 'db1', roles: ['database', 'cron'], node: dirname(process.execPath) },
      { name: 'db2', roles: ['database'], replicaOf: 'db1', without: ['bash'] },
      {
        name: 'far',
        roles: ['contractor', 'git'],
        operators: [
          { name: 'alice', sudo: 'without-password' },
          { name: 'bob', sudo: 'with-password' },
        ],
      },
    ],
  });
  t.teardown(() => lab.down().then(remove));
  const inside = async (name: string, ...words: readonly string[]) => {
    const { exitCode, stdout, stderr } = await lab.run(name, words);
    return exitCode === 0 ? stdout.trim() : `exit code ${exitCode}: ${stderr.trim()}`;
  };

  await t.test('control logs in to every host with the key that it pinned, and to no other', async (t) => {
    for (const { name } of lab.hosts) {
      const connection = await logIn(lab, name);
      const { stdout } = await connection.run(['hostname']);
      connection.close();
      t.equal(stdout.trim(), name);
    }
    const swapped = { ...lab, host: () => ({ ...lab.host('db1'), hostKey: lab.host('db2').hostKey }) };
    await t.rejects(logIn(swapped, 'db1'), { code: 'host-key' });
  });

  await t.test('a host looks like a Debian that was just installed, whatever this machine holds', async (t) => {
    const empty = ['/tmp', '/var/tmp', '/home', '/opt', '/srv', '/mnt', '/usr/local/bin', '/etc/cron.d'];
    t.equal(await inside('db2', 'find', ...empty, '-mindepth', '1'), '', 'nothing in any of them');
    t.match(await inside('far', 'ls', '/var/lib/mysql'), /No such file/, 'no database where none is wanted');
    t.equal(await inside('db2', 'ls', '-A', '/root'), '.ssh');
    t.equal(await inside('db2', 'find', '/etc', '/opt', '/usr/local', '/var', '-name', 'coffre*'), '');
    for (const program of ['node', 'npm', 'npx', 'bash'])
      t.match(await inside('db2', 'sh', '-c', 'command -v "$1"', 'sh', program), /^exit code 127/, `no ${program}`);
    t.equal(await inside('db1', 'node', '--version'), process.version, 'but for the Node that it was given');
    t.match(await inside('db1', 'sh', '-c', 'command -v bash'), /bash$/);
    t.notMatch(await inside('db1', 'cat', '/etc/shadow'), /:\$/, 'no password of this machine');
    const mounts = (await inside('db2', 'cat', '/proc/self/mountinfo')).split('\n').map((line) => line.split(' ')[4]);
    const wanted = mounts.filter((path) => path !== '/proc/sysrq-trigger'); // a kernel may not have it
    t.same(wanted.sort(), ['/', '/dev', '/dev/pts', '/dev/shm', '/disk', '/proc', '/proc/sys', '/run', '/sys']);
    t.not(await inside('db1', 'cat', '/etc/machine-id'), await inside('db2', 'cat', '/etc/machine-id'));
    t.equal(await inside('db1', 'cat', '/etc/hostname'), 'db1');
    t.match(await inside('db1', 'getent', 'hosts', 'db2'), lab.host('db2').address);
  });

  await t.test('what the primary writes arrives at the replica, which is read only', async (t) => {
    await inside('db1', 'mariadb', '-e', 'CREATE TABLE mysql.lab (v INT) ENGINE=InnoDB; INSERT mysql.lab VALUES (7)');
    await arrives(t, '7', () => inside('db2', 'mariadb', '-BNe', 'SELECT v FROM mysql.lab'));
    t.equal(await inside('db2', 'mariadb', '-BNe', 'SELECT @@read_only, @@gtid_strict_mode'), '1\t1');
    t.match(await inside('db1', 'mariadb', '-BNe', 'SELECT CURRENT_USER()'), 'root@localhost', 'by its socket');
  });

  await t.test('a cut cable is dead, and works again when it is mended', async (t) => {
    await lab.cut('db2');
    await t.rejects(logIn(lab, 'db2'), { code: 'offsite-unreachable' });
    await inside('db1', 'mariadb', '-e', 'INSERT mysql.lab VALUES (8)');
    t.equal(await inside('db2', 'mariadb', '-BNe', 'SELECT MAX(v) FROM mysql.lab'), '7', 'and we still look inside');
    await lab.mend('db2');
    (await logIn(lab, 'db2')).close();
    await arrives(t, '8', () => inside('db2', 'mariadb', '-BNe', 'SELECT MAX(v) FROM mysql.lab'));
  });

  await t.test('a slowed line is slow, and fast again when it is mended', async (t) => {
    const connection = await logIn(lab, 'db1');
    t.teardown(() => connection.close());
    const timed = async () => {
      const startedAt = Date.now();
      const { stdout } = await connection.run(['head', '-c', '1500000', '/dev/zero']);
      t.equal(stdout.length, 1_500_000);
      return Date.now() - startedAt;
    };
    await lab.slow('db1', { rateMbit: 8 });
    t.ok((await timed()) > 1300, 'a megabyte and a half at one a second');
    await lab.mend('db1');
    // A machine that does other things as well is slow now and then, but not always.
    t.ok(Math.min(await timed(), await timed(), await timed()) < 1300);
    const delayed = lab.slow('db1', { rateMbit: 800, delayMs: 300 });
    const refusal = await delayed.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal) t.match(refusal, { code: 'refused', message: /this kernel has no netem/ });
    else t.ok((await timed()) > 600);
    await lab.mend('db1');
  });

  await t.test('a killed host is dead at once, and comes back with its disk, its key and its data', async (t) => {
    await inside('db2', 'sh', '-c', 'echo kept >/srv/kept; echo gone >/run/gone');
    await lab.kill('db2');
    t.equal(await lab.isRunning('db2'), false);
    await t.rejects(lab.start('db1'), { code: 'refused' }, 'the other one runs');
    t.equal((await lab.run('db1', ['sleep', '60'], { timeoutMs: 200 })).exitCode, 124);
    await t.rejects(lab.run('db2', ['true']), { code: 'not-found' });
    await t.rejects(logIn(lab, 'db2'), { code: 'offsite-unreachable' });
    await inside('db1', 'mariadb', '-e', 'INSERT mysql.lab VALUES (9)');
    await lab.start('db2');
    t.equal(await inside('db2', 'cat', '/srv/kept'), 'kept');
    t.match(await inside('db2', 'cat', '/run/gone'), /No such file/);
    (await logIn(lab, 'db2')).close();
    await arrives(t, '9', () => inside('db2', 'mariadb', '-BNe', 'SELECT MAX(v) FROM mysql.lab'));
  });

  await t.test('the contractor gives a customer a folder and nothing else', async (t) => {
    const connection = await logIn(lab, 'far', 'acme');
    t.teardown(() => connection.close());
    t.not((await connection.run(['echo', 'ran'])).stdout.trim(), 'ran');
    const sftp = await connection.sftp();
    await sftp.upload('/backups/a', bytes('sealed'));
    t.same(
      (await sftp.list('/')).map(({ name }) => name),
      ['backups'],
      'no other customer is to be seen',
    );
    await t.rejects(sftp.upload('/a', bytes('x')), 'the folder above is not writable');
    t.equal(await inside('far', 'cat', '/srv/sftp/acme/backups/a'), 'sealed');
    await t.rejects(logIn(lab, 'far', 'acme', 'globex'), { code: 'offsite-unreachable' }, "nor by another's key");
  });

  await t.test('an operator has the sudo that it was given', async (t) => {
    for (const [user, exitCode] of [['alice', 0] as const, ['bob', 1] as const]) {
      const connection = await logIn(lab, 'far', user, 'root');
      t.equal((await connection.run(['sudo', '-n', 'true'])).exitCode, exitCode);
      connection.close();
    }
  });

  await t.test('Git is served over SSH', async (t) => {
    const { address, hostKey } = lab.host('far');
    await writeFile(join(folder, 'known_hosts'), `${address} ${hostKey}\n`);
    const ssh = `ssh -i ${lab.identityPath()} -o UserKnownHostsFile=${join(folder, 'known_hosts')} -o BatchMode=yes`;
    const env = { GIT_SSH_COMMAND: ssh };
    const { exitCode, stderr } = await run('git', ['ls-remote', `git@${address}:backup-audit.git`], { env });
    t.equal(exitCode, 0, stderr);
  });

  await t.test('another process finds the lab by its folder, and nothing is left when it ends it', async (t) => {
    const found: Lab = await openLab(folder);
    t.equal((await found.run('db1', ['hostname'])).stdout.trim(), 'db1');
    t.ok(tracesOf(folder, lab.plan.link).length > 3, 'up it is seen');
    await found.down();
    await leavesNothing(t, folder, lab.plan.link);
    t.same((await readdir(folder)).sort(), ['known_hosts']);
    await t.rejects(openLab(folder), { code: 'not-found' });
  });

  await t.test('a lab ends with the process that started it, even by SIGKILL', async (t) => {
    const { path: folder, remove } = temporaryFolder();
    const owner = spawn(
      process.execPath,
      [...process.execArgv, fileURLToPath(new URL('lab-owner.ts', import.meta.url)), folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [text] = (await once(owner.stdout, 'data')) as [Buffer];
    const link = text.toString('utf8').trim();
    t.ok(tracesOf(folder, link).length > 3, 'up it is seen');
    owner.kill('SIGKILL');
    await leavesNothing(t, folder, link);
    const again = await startLab({ folder, hosts: [{ name: 'bare' }] });
    t.equal((await again.run('bare', ['cat', '/etc/hostname'])).stdout.trim(), 'bare', 'the next one cleans up first');
    await downLab(folder);
    t.same(await readdir(folder), []);
    remove();
  });
});

async function* bytes(text: string) {
  yield Buffer.from(text);
}

/** Waits for what the other side needs a moment for. */
async function arrives(t: Test, wanted: string, look: () => Promise<string>): Promise<void> {
  let seen = await look();
  for (let tries = 0; seen !== wanted && tries < 200; tries++) {
    await sleep(100);
    seen = await look();
  }
  t.equal(seen, wanted);
}

/** The kernel takes a moment for the network namespace of processes that it killed. */
async function leavesNothing(t: Test, folder: string, link: string): Promise<void> {
  for (let tries = 0; tracesOf(folder, link).length > 0 && tries < 50; tries++) await sleep(100);
  t.same(tracesOf(folder, link), []);
}
