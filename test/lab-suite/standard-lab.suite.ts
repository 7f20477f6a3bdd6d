import t from 'tap';
import { sleep } from '../../lib/system/clock.ts';
import { logIn } from '../lab/log-in.ts';
import { STANDARD_LAB } from '../lab/standard-lab.ts';
import { startLab } from '../lab/start-lab.ts';
import { tracesOf } from '../lab/traces.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';
import { temporaryFolder } from '../temporary.ts';

t.test('the standard lab', { skip: whyNoLab() ?? false }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const startedAt = Date.now();
  const lab = await startLab({ folder, hosts: STANDARD_LAB });
  t.comment(`up in ${Date.now() - startedAt} ms`);
  t.teardown(() => lab.down().then(remove));
  const inside = async (name: string, script: string) => {
    const { exitCode, stdout, stderr } = await lab.run(name, ['sh', '-c', script]);
    return exitCode === 0 ? stdout.trim() : `exit code ${exitCode}: ${stderr.trim()}`;
  };
  /** Until `wanted` is seen, or 90 seconds have passed. */
  const sees = async (name: string, script: string, wanted: string) => {
    let seen = await inside(name, script);
    for (let tries = 0; seen !== wanted && tries < 300; tries++) {
      await sleep(300);
      seen = await inside(name, script);
    }
    return seen;
  };
  const hosts = ['db1', 'db2'] as const;

  // Written now, looked at below: the daemon looks for new tables once a minute.
  await inside('db1', "printf '* * * * * root date >/srv/fired\\n' >/etc/cron.d/good");
  await inside('db1', "printf '* * * * * root true' >/etc/cron.d/cut");

  await t.test('the volume is mounted on both hosts, and a file is on both bricks', async (t) => {
    for (const name of hosts)
      t.match(await inside(name, 'grep " /mnt/data " /proc/self/mountinfo'), ` - fuse.glusterfs ${name}:/data `);
    await inside('db1', 'echo sealed >/mnt/data/a && sync /mnt/data/a');
    t.equal(await inside('db2', 'cat /mnt/data/a'), 'sealed');
    for (const name of hosts) t.equal(await inside(name, 'cat /disk/data/a'), 'sealed', `brick of ${name}`);
  });

  await t.test('the volume outlives a killed host, and heals when it is back', async (t) => {
    await lab.kill('db2');
    await inside('db1', 'echo alone >/mnt/data/b && sync /mnt/data/b');
    t.equal(await inside('db1', 'cat /disk/data/b'), 'alone');
    await lab.start('db2');
    t.equal(await sees('db2', 'cat /mnt/data/b', 'alone'), 'alone');
    t.equal(await sees('db2', 'cat /disk/data/b', 'alone'), 'alone', 'healed without anybody');
  });

  await t.test('replication survives that too', async (t) => {
    await inside('db1', 'mariadb -e "CREATE DATABASE shop"');
    t.equal(await sees('db2', 'mariadb -BNe "SHOW DATABASES LIKE \'shop\'"', 'shop'), 'shop');
  });

  await t.test('a host that is cut off does not stop the volume of the other', async (t) => {
    await lab.cut('db2');
    await t.rejects(logIn(lab, 'db2'), { code: 'offsite-unreachable' });
    t.equal(await inside('db1', 'timeout 30 sh -c "echo cut >/mnt/data/c && cat /mnt/data/c"'), 'cut');
    await lab.mend('db2');
    t.equal(await sees('db2', 'cat /disk/data/c', 'cut'), 'cut');
  });

  await t.test('the cron daemon fires a good table, and says why it ignores a bad one', async (t) => {
    t.equal(await sees('db1', 'test -s /srv/fired && echo fired', 'fired'), 'fired');
    t.match(await inside('db1', 'cat /var/log/syslog'), /\(\*system\*cut\) ERROR \(Missing newline before EOF/);
  });

  await t.test('nothing is left', async (t) => {
    t.ok(tracesOf(folder, lab.plan.link).length > 10);
    await lab.down();
    for (let tries = 0; tracesOf(folder, lab.plan.link).length > 0 && tries < 50; tries++) await sleep(100);
    t.same(tracesOf(folder, lab.plan.link), []);
  });
});

t.test('twenty hosts at once', { skip: whyNoLab() ?? false }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const startedAt = Date.now();
  const hosts = Array.from({ length: 20 }, (_, at) => ({ name: `db${at + 1}`, roles: ['database', 'cron'] as const }));
  const lab = await startLab({ folder, hosts });
  t.comment(`up in ${Date.now() - startedAt} ms`);
  t.teardown(() => lab.down().then(remove));
  const connections = await Promise.all(lab.hosts.map(({ name }) => logIn(lab, name)));
  const names = await Promise.all(connections.map((connection) => connection.run(['hostname'])));
  t.same(
    names.map(({ stdout }) => stdout.trim()),
    hosts.map(({ name }) => name),
  );
  for (const connection of connections) connection.close();
});
