import { appendFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { sleep } from '../../lib/system/clock.ts';
import { run } from '../../lib/system/command.ts';
import { runAtControl } from '../fixture/control.ts';
import { fleetInventory, PASSPHRASE } from '../fixture/fleet.ts';
import { insideOf } from '../fixture/inside.ts';
import { operatorOf } from '../fixture/operator.ts';
import { STANDARD_LAB } from '../lab/standard-lab.ts';
import { startLab } from '../lab/start-lab.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';
import { temporaryFolder } from '../temporary.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const HOSTS = ['db1', 'db2'] as const;
const RUN = /^\d{4}-\d{2}-\d{2}T\d{6}Z$/;
const AUDIT = 'git -c safe.directory=* --git-dir=/srv/git/backup-audit.git';

/** Made on the primary; the replica's dump has it, too. */
const SHOP = `CREATE DATABASE shop; USE shop;
  CREATE TABLE orders (id INT PRIMARY KEY, item TEXT); INSERT INTO orders VALUES (1, 'a safe'), (2, 'a key');
  CREATE TRIGGER mark BEFORE INSERT ON orders FOR EACH ROW SET NEW.item = UPPER(NEW.item);
  CREATE PROCEDURE count_orders() SELECT COUNT(*) FROM orders;`;

t.test('the whole story on separate hosts', { skip: whyNoLab() ?? false }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const lab = await startLab({ folder: join(folder, 'lab'), hosts: STANDARD_LAB });
  t.teardown(() => lab.down().then(remove));
  const inside = insideOf(lab);
  const far = lab.host('contractor');
  const { address, hostKey } = lab.host('git');
  const remote = `git@${address}:backup-audit.git`;
  const fleet = await fleetInventory(folder, lab, {
    audit: { kind: 'git', remote, identity: '/etc/coffre/audit_ed25519', hostKey },
  });
  const write = (schedule: string) =>
    Promise.all(
      HOSTS.map((name) =>
        fleet.write(name, {
          schedule,
          database: {
            socket: '/run/mysqld/mysqld.sock',
            account: { user: `bkpuser_${name}`, from: 'localhost' },
            ...(name === 'db2' ? { replicaOf: 'db1' } : {}),
          },
          store: { path: `/mnt/data/mysqldata/${name}`, mount: 'fuse.glusterfs' },
          offsite: [
            {
              ...{ name: 'contractor', kind: 'sftp', address: far.address, hostKey: far.hostKey },
              ...{ user: `acme-${name}`, path: `/backups/${name}` },
              admin: { user: 'root', identity: lab.identityPath() },
            },
          ],
        }),
      ),
    );
  await write('* * * * *');
  await inside('db1', 'mariadb', SHOP);
  const provision = operatorOf(fleet.folder);

  /** A clone at control, as an auditor has it, and what `validate` says of it. */
  let clones = 0;
  const validate = async () => {
    const clone = join(folder, `clone${++clones}`);
    const known = join(folder, 'known_hosts');
    await appendFile(known, `${address} ${hostKey}\n`);
    const ssh = `ssh -i ${lab.identityPath()} -o IdentitiesOnly=yes -o UserKnownHostsFile=${known} -o BatchMode=yes`;
    const cloned = await run('git', ['clone', '-q', remote, clone], { env: { GIT_SSH_COMMAND: ssh } });
    if (cloned.exitCode !== 0) throw new Error(cloned.stderr);
    const words = ['--repository', clone, '--inventory', fleet.folder];
    const { exitCode, result } = await runAtControl('validate', words);
    return { exitCode, ...(result?.data as { manifests: number; findings: readonly unknown[] }) };
  };
  const published = async (host: string) => {
    const paths = await inside('git', `${AUDIT} ls-tree -r --name-only main 2>/dev/null || true`);
    return paths.split('\n').filter((path) => path.includes(`${host}/`) && path.endsWith('.json'));
  };
  const until = async (what: string, holds: () => Promise<boolean>) => {
    for (const giveUpAt = Date.now() + 180_000; !(await holds()); await sleep(500))
      if (Date.now() > giveUpAt) throw new Error(`cannot wait any longer until ${what}`);
  };
  const runsIn = async (host: string, path: string) =>
    (await inside(host, `ls ${path}`)).split('\n').filter((name) => RUN.test(name));
  const quiet = () =>
    until('no backup is under way', async () => {
      const running = await Promise.all(HOSTS.map((host) => inside(host, 'pgrep -f "[v]erbs/backup" || true')));
      return running.every((pids) => pids === '');
    });

  await t.test('a user provisions two bare hosts, and is told which keys to let in', async (t) => {
    const words = ['zx', 'tasks/provision.ts', '--all', '--inventory', fleet.folder];
    const { exitCode, stdout, stderr } = await run('npx', words, { cwd: ROOT, timeoutMs: 240_000 });
    t.match({ exitCode, stderr }, { exitCode: 0 });
    t.match(stderr, /^ {2}\+ cron-entry \/etc\/cron\.d\/coffre$/m, 'the plan is shown before');
    for (const name of HOSTS) t.match(stdout, new RegExp(`^${name} +\\d+ changes made`, 'm'));
    const keys = stdout.match(/(?<=\/etc\/coffre\/audit_ed25519 has to be let in by whoever it is for: ).*$/gm) ?? [];
    t.equal(keys.length, 2);
    await inside('git', 'cat >>/srv/git/.ssh/authorized_keys', `${keys.join('\n')}\n`);
    t.equal((await fleet.signers()).trim().split('\n').length, 2);
  });

  await t.test('a second time nothing is changed, and --check finds nothing', async (t) => {
    for (const words of [['--all'], ['--all', '--check']]) {
      const { exitCode, of, stderr } = await provision(words);
      t.match({ exitCode, stderr }, { exitCode: 0, stderr: '' });
      for (const name of HOSTS) t.match(of(name), { changes: [], applied: 0 }, words.join(' '));
    }
  });

  await t.test('the cron daemon fires: the run is in the audit repository, and validate is green', async (t) => {
    await until('both hosts have published', async () => {
      return (await Promise.all(HOSTS.map(published))).every((paths) => paths.length > 0);
    });
    t.match(await inside('db1', 'cat /var/log/syslog'), /CMD \(\/opt\/coffre\/current\/coffre backup/);
    const { exitCode, findings } = await validate();
    t.strictSame({ exitCode, findings }, { exitCode: 0, findings: [] });
  });

  await write('0 4 * * *');
  await t.test('another schedule in the inventory is drift until it is provisioned', async (t) => {
    const changes = ['change file /etc/coffre/host.yaml', 'change cron-entry /etc/cron.d/coffre'];
    const found = await provision(['--all', '--check']);
    t.equal(found.exitCode, 2);
    const made = await provision(['--all']);
    for (const name of HOSTS) {
      t.strictSame(found.of(name).changes, changes);
      t.match(found.of(name).diff, /^-\* \* \* \* \* root.*\n\+0 4 \* \* \* root /m);
      t.strictSame(made.of(name).changes, changes);
    }
    await quiet();
  });

  for (const name of HOSTS) {
    const store = `mysqldata/${name}`;
    const offsite = `/srv/coffre/acme-${name}/backups/${name}`;
    await t.test(
      `the runs of ${name} are on both bricks and at the contractor, and one is opened by openssl`,
      async (t) => {
        const runs = await runsIn(name, `/mnt/data/${store}`);
        t.ok(runs.length > 0);
        for (const brick of HOSTS) t.strictSame(await runsIn(brick, `/disk/data/${store}`), runs, `brick of ${brick}`);
        t.strictSame(await runsIn('contractor', offsite), runs);
        const last = runs.at(-1);
        const check = `sha256sum --check --quiet SHA256SUMS && wc -l <SHA256SUMS`;
        t.ok(
          Number(await inside(name, `cd /mnt/data/${store}/${last} && ${check}`)) > 3,
          'every digest is right in the store',
        );
        t.ok(Number(await inside('contractor', `cd ${offsite}/${last} && ${check}`)) > 3, 'and at the contractor');
        const copy = join(folder, `copy-${name}`);
        await mkdir(copy);
        for (const file of ['company.key.enc', 'encrypted.dat']) {
          const base64 = await inside('contractor', `base64 -w0 ${offsite}/${last}/${file}`);
          await decode(join(copy, file), base64);
        }
        const recipe = `openssl pkeyutl -decrypt -inkey "$1" -passin stdin -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in company.key.enc -out key.txt
        iterations=$(sed -n 's/.*-iter \\([0-9]*\\) .*/\\1/p' RECOVERY.txt | head -n 1)
        openssl enc -d -aes-256-cbc -md sha256 -pbkdf2 -iter "$iterations" -pass file:key.txt -in encrypted.dat | tar x
        tar xzOf shop.tar.gz`;
        await decode(
          join(copy, 'RECOVERY.txt'),
          await inside('contractor', `base64 -w0 ${offsite}/${last}/RECOVERY.txt`),
        );
        const opened = await run('sh', ['-ec', recipe, 'sh', fleet.keys.company], {
          cwd: copy,
          input: `${PASSPHRASE}\n`,
        });
        t.equal(opened.exitCode, 0, opened.stderr);
        t.match(opened.stdout, /INSERT INTO `orders` VALUES[\s\S]*a safe/);
        t.match(opened.stdout, /TRIGGER/);
        t.match(opened.stdout, /PROCEDURE `count_orders`/);
      },
    );
  }

  await t.test('another release is shipped, and rolled back by one command', async (t) => {
    const root = join(folder, 'checkout');
    for (const part of ['lib', 'tasks', 'package.json', 'package-lock.json', 'tsconfig.json'])
      await cp(join(ROOT, part), join(root, part), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    await appendFile(join(root, 'tasks/list.ts'), "\nprocess.stderr.write('');\n");
    const version = async () => await inside('db1', 'readlink /opt/coffre/current');
    const first = await version();
    const found = await provision(['db1', '--check'], { root });
    t.strictSame(
      { exitCode: found.exitCode, changes: found.of('db1').changes },
      { exitCode: 2, changes: ['change release /opt/coffre'] },
    );
    t.equal((await provision(['db1'], { root })).exitCode, 0);
    const second = await version();
    t.not(second, first);
    t.strictSame(await inside('db1', 'readlink /opt/coffre/previous'), first);
    t.match((await provision(['db1', '--rollback'])).of('db1'), { ok: true, applied: 1 });
    t.equal(await version(), first);
    t.equal(await inside('db1', '/opt/coffre/current/coffre --version'), first);
    t.equal((await provision(['db1', '--check'])).exitCode, 0, 'it is what this checkout wants');
    t.equal(await inside('db1', 'readlink /opt/coffre/previous'), second);
  });

  await t.test('--remove leaves the backups and what the host needs to return, and nothing else', async (t) => {
    const kept = 'find /mnt/data/mysqldata/db1 /export /.dec /var/lib/coffre -type f | sort';
    const before = await inside('db1', kept);
    const removed = await provision(['db1', '--remove']);
    t.equal(removed.exitCode, 0);
    const after = await inside('db1', kept);
    const gone = before.split('\n').filter((path) => !after.split('\n').includes(path));
    t.strictSame(
      gone.filter((path) => !path.startsWith('/var/lib/coffre/')),
      ['/.dec/company.pem', '/.dec/escrow.pem'],
    );
    t.match(after, '/var/lib/coffre/signing/id_ed25519');
    t.match(after, /^\/\.dec\/[0-9TZ-]+\/company\.key\.enc$/m);
    t.match(after, /^\/mnt\/data\/mysqldata\/db1\/[0-9TZ-]+\/shop\.tar\.gz\.enc$/m);
    const left =
      'ls -d /opt/coffre /etc/cron.d/coffre /etc/coffre/my.cnf /etc/coffre/host.yaml /etc/coffre/allowed_signers 2>/dev/null || true';
    t.equal(await inside('db1', left), '');
    t.equal(
      await inside('db1', `mariadb -BNe "SELECT user FROM mysql.user WHERE user LIKE 'bkpuser%'"`),
      'bkpuser_db2',
      "the replica's account is the replica's",
    );
    t.strictSame((await provision(['db1', '--remove'])).of('db1').changes, [], 'a second time nothing is removed');
    t.match(await inside('db1', 'ls -A /etc/coffre'), /^audit_ed25519/, 'the keys that others let in stay');
  });

  await t.test('a host that returns continues its chain', async (t) => {
    const { manifests } = await validate();
    t.equal((await provision(['db1'])).exitCode, 0);
    await inside('db1', '/opt/coffre/current/coffre backup --inventory /etc/coffre');
    const again = await validate();
    t.strictSame({ exitCode: again.exitCode, findings: again.findings }, { exitCode: 0, findings: [] });
    t.equal(again.manifests, manifests + 1);
    t.equal((await fleet.signers()).trim().split('\n').length, 2, 'it signs with the same key');
    t.equal((await provision(['--all', '--check'])).exitCode, 0);
  });
});

async function decode(path: string, base64: string): Promise<void> {
  await writeFile(path, Buffer.from(base64, 'base64'));
}
