import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { fleetInventory, PASSPHRASE } from '../fixture/fleet.ts';
import { insideOf } from '../fixture/inside.ts';
import { operatorOf } from '../fixture/operator.ts';
import { until } from '../fixture/replica-pair.ts';
import { startLab } from '../lab/start-lab.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';
import { temporaryFolder } from '../temporary.ts';

/** Moves money between two databases in one transaction each time. */
const SCHEMA = `CREATE DATABASE shop; CREATE DATABASE bank; CREATE DATABASE control;
  CREATE TABLE control.go (go INT); INSERT INTO control.go VALUES (1);
  CREATE TABLE shop.till (id INT PRIMARY KEY AUTO_INCREMENT, n INT);
  CREATE TABLE bank.account (id INT PRIMARY KEY, n INT); INSERT INTO bank.account VALUES (1, 1000000);`;
const WRITER = `DELIMITER //
  BEGIN NOT ATOMIC
    WHILE (SELECT go FROM control.go) = 1 DO
      START TRANSACTION; INSERT INTO shop.till (n) VALUES (1); UPDATE bank.account SET n = n - 1; COMMIT; DO SLEEP(0.002);
    END WHILE;
  END//`;
const SUM = 'SELECT (SELECT SUM(n) FROM shop.till) + (SELECT n FROM bank.account)';
const CHECKSUMS = 'CHECKSUM TABLE shop.till, bank.account, control.go';

t.test('a new replica from a run of a replica, on separate hosts', { skip: whyNoLab() ?? false }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const node = dirname(process.execPath);
  const roles = ['database', 'cron'] as const;
  const lab = await startLab({
    folder: join(folder, 'lab'),
    hosts: [
      { name: 'db1', roles, node },
      { name: 'db2', roles, node, replicaOf: 'db1' },
      { name: 'db3', roles, node },
      { name: 'git', roles: ['git'] },
    ],
  });
  t.teardown(() => lab.down().then(remove));
  const inside = insideOf(lab);
  const sql = (host: string, statement: string) => inside(host, 'mariadb -BN', statement);
  const { address, hostKey } = lab.host('git');
  const fleet = await fleetInventory(folder, lab, {
    schedule: '0 4 * * *',
    store: { path: '/mnt/data/mysqldata', mount: 'none' },
    audit: { kind: 'git', remote: `git@${address}:backup-audit.git`, identity: '/etc/coffre/audit_ed25519', hostKey },
  });
  const database = (name: string, more = {}) => ({
    database: { socket: '/run/mysqld/mysqld.sock', account: { user: `bkp_${name}`, from: 'localhost' }, ...more },
  });
  await fleet.write('db1', database('db1'));
  await fleet.write('db2', database('db2', { replicaOf: 'db1', replica: { stop: 'sql-thread' } }));
  await fleet.write('db3', database('db3'));
  const provision = operatorOf(fleet.folder);
  await sql('db1', SCHEMA);

  await t.test('the account of the replica gets what a replica needs, and those of others do not', async (t) => {
    const done = await provision(['--all']);
    t.equal(done.exitCode, 0, done.stderr);
    const grants = (host: string) => sql(host, `SHOW GRANTS FOR bkp_${host}@localhost`);
    t.match(await grants('db2'), /TRIGGER, REPLICATION SLAVE ADMIN, SLAVE MONITOR ON \*\.\*/);
    t.notMatch(await grants('db1'), /SLAVE/);
    t.equal((await provision(['--all', '--check'])).exitCode, 0);
  });

  await t.test('what a killed run has left stopped, provisioning tells and starts', async (t) => {
    await inside('db2', `printf '%s' '{"by":"the run R","names":[""]}' >/var/lib/coffre/stopped-appliers.json`);
    await sql('db2', 'STOP SLAVE SQL_THREAD');
    const found = await provision(['db2', '--check']);
    t.equal(found.exitCode, 2);
    t.strictSame(found.of('db2').changes, ['change replication /var/lib/coffre/stopped-appliers.json']);
    t.equal((await provision(['db2'])).exitCode, 0);
    t.match(await sql('db2', 'SHOW ALL SLAVES STATUS'), /Yes\tYes/);
    t.equal((await provision(['db2', '--check'])).exitCode, 0);
  });

  await inside(
    'db1',
    `cat >/root/writer.sql; setsid sh -c 'mariadb </root/writer.sql' >/dev/null 2>&1 </dev/null &`,
    WRITER,
  );
  await until(
    'the writer is at work',
    async () => Number(await sql('db2', 'SELECT COUNT(*) FROM shop.till')) > 100,
    60_000,
  );

  await t.test('a run is taken from the replica under writes', async (t) => {
    const said = await inside('db2', '/opt/coffre/current/coffre backup --inventory /etc/coffre 2>&1 || true');
    t.match(said, /taken from a replica of its primary/);
    const runs = await inside('db2', 'ls /mnt/data/mysqldata');
    const manifest = JSON.parse(await inside('db2', `cat /mnt/data/mysqldata/${runs}/manifest.json`)) as unknown;
    t.match(manifest, { server: { replication: { consistent: true, applier: 'stopped', gtid: /^1-\d+-\d+/ } } });
    t.match(await sql('db2', 'SHOW ALL SLAVES STATUS'), /Yes\tYes/, 'the replica goes on');
  });

  await t.test('a fresh server becomes a replica of the primary, catches up and stays equal', async (t) => {
    const name = await inside('db2', 'ls /mnt/data/mysqldata');
    const tar = await inside('db2', `tar c -C /mnt/data/mysqldata ${name} | base64 -w0`);
    await inside('db3', 'base64 -d | tar x -C /root', tar);
    for (const file of await readdir(fleet.folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const path = join(file.parentPath, file.name);
      const to = `/root/inventory/${path.slice(fleet.folder.length + 1)}`;
      await inside('db3', `mkdir -p $(dirname ${to}) && cat >${to}`, await readFile(path, 'utf8'));
    }
    await inside('db3', 'umask 077; cat >/root/company.pem', await readFile(fleet.keys.company, 'utf8'));
    await inside('db3', 'umask 077; cat >/root/pass.txt', `${PASSPHRASE}\n`);
    await inside('db3', 'umask 077; cat >/root/repl.cnf', '[client]\nuser = replication\npassword = "lab"\n');
    const account = `'replication'@'${lab.host('db3').address}'`;
    await sql('db1', `CREATE USER ${account} IDENTIFIED BY 'lab'; GRANT REPLICATION SLAVE ON *.* TO ${account}`);
    const restore = `/opt/coffre/current/coffre restore db2 --inventory /root/inventory --from /root/${name} \
      --key /root/company.pem --passphrase-file /root/pass.txt --as-replica --replication-file /root/repl.cnf`;
    t.match(
      await inside('db3', `${restore} 2>&1 || true`),
      /own log has transactions of the domain 1/,
      'provisioning has made an account here',
    );
    await sql('db3', 'RESET MASTER; SET GLOBAL read_only = 1');
    const planned = await inside('db3', `${restore} --dry-run 2>&1`);
    t.match(
      planned,
      new RegExp(
        `would then follow ${lab.host('db1').address}:3306 from the GTID 1-\\d+-\\d+ on: the run was taken from a replica of it`,
      ),
    );
    const said = await inside('db3', `${restore} 2>&1`);
    t.match(said, /follows .*:3306 from the GTID .* and has caught up with it/);
    await inside('db1', 'sleep 2');
    await sql('db1', 'UPDATE control.go SET go = 0');
    await until(
      'the writer has ended',
      async () => (await inside('db1', "pgrep -f '[w]riter.sql' || true")) === '',
      30_000,
    );
    const reached = await sql('db1', 'SELECT @@gtid_binlog_pos');
    await until('it has caught up', async () => (await sql('db3', 'SELECT @@gtid_slave_pos')) === reached, 60_000);
    t.equal(await sql('db3', SUM), '1000000');
    t.equal(await sql('db3', CHECKSUMS), await sql('db1', CHECKSUMS));
    t.match(await sql('db3', 'SHOW ALL SLAVES STATUS'), /Yes\tYes/);
    await sql(
      'db1',
      'INSERT INTO shop.till (n) VALUES (0); CREATE TABLE shop.late (a INT); INSERT INTO shop.late VALUES (7)',
    );
    await until(
      'what comes later comes, too',
      async () => (await sql('db3', 'SELECT a FROM shop.late').catch(() => '')) === '7',
    );
    t.equal(await sql('db3', CHECKSUMS), await sql('db1', CHECKSUMS));
  });
});
