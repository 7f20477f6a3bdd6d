import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { checkSignature } from '../../lib/audit/verify-signature.ts';
import type { DrillRecord } from '../../lib/model/drill-record.ts';
import { HostName } from '../../lib/model/names.ts';
import { sleep } from '../../lib/system/clock.ts';
import { run } from '../../lib/system/command.ts';
import { runAtControl } from '../fixture/control.ts';
import { fleetInventory } from '../fixture/fleet.ts';
import { insideOf } from '../fixture/inside.ts';
import { operatorOf } from '../fixture/operator.ts';
import { startLab } from '../lab/start-lab.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';
import { temporaryFolder } from '../temporary.ts';

const AUDIT = 'git -c safe.directory=* --git-dir=/srv/git/backup-audit.git';
const SHOP = `CREATE DATABASE shop; USE shop;
  CREATE TABLE orders (id INT PRIMARY KEY, item TEXT); INSERT INTO orders VALUES (1, 'a safe'), (2, 'a key');
  CREATE TRIGGER mark BEFORE INSERT ON orders FOR EACH ROW SET NEW.item = UPPER(NEW.item);
  CREATE USER clerk@localhost IDENTIFIED BY 'a password'; GRANT SELECT ON shop.* TO clerk@localhost;`;
const RUNS = '/srv/coffre/acme-db1/backups/db1';
const DRILL = '/opt/coffre-drill/current/coffre drill --inventory /etc/coffre-drill';
const VERIFY = '/opt/coffre/current/coffre verify --inventory /etc/coffre --from offsite:contractor --run latest';

t.test(
  'drills fired by cron, from a contractor who lets nothing through but SFTP',
  { skip: whyNoLab() ?? false },
  async (t) => {
    const { path: folder, remove } = temporaryFolder();
    const node = dirname(process.execPath);
    const lab = await startLab({
      folder: join(folder, 'lab'),
      hosts: [
        { name: 'db1', roles: ['database', 'cron'], node },
        { name: 'drill1', roles: ['cron'], node },
        { name: 'contractor', roles: ['contractor'] },
        { name: 'git', roles: ['git'] },
      ],
    });
    t.teardown(() => lab.down().then(remove));
    const inside = insideOf(lab);
    const far = lab.host('contractor');
    const { address, hostKey } = lab.host('git');
    const remote = `git@${address}:backup-audit.git`;
    const fleet = await fleetInventory(folder, lab, {
      schedule: '0 4 1 1 *',
      graceHours: 720,
      audit: { kind: 'git', remote, identity: '/etc/coffre/audit_ed25519', hostKey },
    });
    const writeHost = (more: Readonly<Record<string, unknown>> = {}) =>
      fleet.write('db1', {
        database: { socket: '/run/mysqld/mysqld.sock', account: { user: 'bkpuser', from: 'localhost' } },
        store: { path: '/mnt/data/mysqldata', mount: 'none' },
        offsite: [
          {
            ...{ name: 'contractor', kind: 'sftp', address: far.address, hostKey: far.hostKey },
            ...{ user: 'acme-db1', path: '/backups/db1', admin: { user: 'root', identity: lab.identityPath() } },
          },
        ],
        ...more,
      });
    const writeDriller = async (schedule: string) => {
      const { address, port, user, hostKey } = lab.host('drill1');
      const ssh = { address, port, user, hostKey, identity: lab.identityPath() };
      await mkdir(join(fleet.folder, 'drillers'), { recursive: true });
      await writeFile(join(fleet.folder, 'drillers/drill1.yaml'), stringify({ ssh, hosts: ['db1'], schedule }));
    };
    await writeHost();
    await writeDriller('0 5 1 1 *');
    await inside('db1', 'mariadb', SHOP);
    const provision = operatorOf(fleet.folder);

    let clones = 0;
    const validate = async () => {
      const clone = join(folder, `clone${++clones}`);
      const known = join(folder, 'known_hosts');
      await appendFile(known, `${address} ${hostKey}\n`);
      const ssh = `ssh -i ${lab.identityPath()} -o IdentitiesOnly=yes -o UserKnownHostsFile=${known} -o BatchMode=yes`;
      const cloned = await run('git', ['clone', '-q', remote, clone], { env: { GIT_SSH_COMMAND: ssh } });
      if (cloned.exitCode !== 0) throw new Error(cloned.stderr);
      const { exitCode, result } = await runAtControl('validate', ['--repository', clone, '--inventory', fleet.folder]);
      const { findings } = (result?.data ?? { findings: [] }) as {
        findings: { severity: string; rule: string; message: string }[];
      };
      return { exitCode, clone, told: findings.map(({ severity, rule }) => `${severity} ${rule}`) };
    };
    const drills = async () =>
      (await inside('git', `${AUDIT} ls-tree -r --name-only main 2>/dev/null || true`))
        .split('\n')
        .filter((path) => /^drills\/db1\/.*\.json$/.test(path));
    const until = async (what: string, holds: () => Promise<boolean>) => {
      for (const giveUpAt = Date.now() + 180_000; !(await holds()); await sleep(500))
        if (Date.now() > giveUpAt) throw new Error(`cannot wait any longer until ${what}`);
    };

    await t.test('host and driller are provisioned, and the key of the driller comes into the inventory', async (t) => {
      const { exitCode, stderr, of } = await provision(['--all']);
      t.match({ exitCode, stderr }, { exitCode: 0 }, stderr);
      const { changes } = of('drill1');
      t.ok(changes.includes('create key /etc/coffre-drill/drill.pem'));
      t.ok(changes.includes('create cron-entry /etc/cron.d/coffre-drill'));
      t.ok(changes.includes('change file contractor: /etc/ssh/authorized_keys/acme-db1'), 'it is let in over there');
      t.match(await readFile(join(fleet.folder, 'recipients/drill.pem'), 'utf8'), /BEGIN PUBLIC KEY/);
      t.match(await fleet.signers(), /^db1 .*\ndrill1 /m);
      t.equal(await inside('drill1', 'stat -c %a /etc/coffre-drill/drill.pem'), '600');
      const keys = ['db1', 'drill1'].map((name) => inside(name, 'cat /etc/coffre/audit_ed25519.pub'));
      await inside('git', 'cat >>/srv/git/.ssh/authorized_keys', `${(await Promise.all(keys)).join('\n')}\n`);
    });

    await writeHost({ recipients: ['company', 'escrow', 'drill'], drill: { maxAgeDays: 1 } });
    await t.test(
      'a second time nothing is changed but what the inventory asks now; then nothing is found',
      async (t) => {
        const { exitCode, of } = await provision(['--all']);
        t.equal(exitCode, 0);
        t.strictSame(of('db1').changes, ['change file /etc/coffre/host.yaml', 'create file /.dec/drill.pem']);
        const checked = await provision(['--all', '--check']);
        t.equal(checked.exitCode, 0, JSON.stringify(checked.result));
        for (const name of ['db1', 'drill1']) t.match(checked.of(name), { changes: [], remarks: [] }, name);
      },
    );

    await t.test('the account over there does nothing but SFTP, also for the driller', async (t) => {
      const ssh = `ssh -i /etc/coffre-drill/offsite_ed25519 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes`;
      const said = await inside('drill1', `timeout 20 ${ssh} acme-db1@${far.address} cat /etc/passwd 2>&1 || true`);
      t.notMatch(said, /root:x/);
    });

    await t.test('cron fires: the record is in the audit repository, signed, and validate is green', async (t) => {
      await inside('db1', '/opt/coffre/current/coffre backup --inventory /etc/coffre');
      t.strictSame((await validate()).told, ['error drill'], 'no drill yet');
      await writeDriller('* * * * *');
      t.strictSame((await provision(['drill1'])).exitCode, 0);
      await until('a drill is published', async () => (await drills()).length > 0);
      await writeDriller('0 5 1 1 *');
      t.strictSame((await provision(['drill1'])).exitCode, 0);
      await until(
        'no drill is under way',
        async () => (await inside('drill1', 'pgrep -f "[v]erbs/drill" || true')) === '',
      );
      t.match(await inside('drill1', 'cat /var/log/syslog'), /CMD \(\/opt\/coffre-drill\/current\/coffre drill/);
      const { exitCode, told, clone } = await validate();
      t.strictSame({ exitCode, told }, { exitCode: 0, told: [] });
      const [path = ''] = await drills();
      const [bytes, signature] = [await readFile(join(clone, path)), await readFile(join(clone, `${path}.sig`))];
      const host = HostName.parse('drill1');
      t.equal(await checkSignature({ bytes, signature, allowedSigners: await fleet.signers(), host }), 'valid');
      const record = JSON.parse(bytes.toString()) as DrillRecord;
      t.match(record, { driller: 'drill1', host: 'db1', outcome: 'succeeded', proof: { databases: 1, tables: 1 } });
      t.equal(await inside('drill1', 'ls -A /var/lib/coffre-drill/scratch'), '', 'nothing is left');
      t.equal(await inside('drill1', 'pgrep mariadbd || true'), '');
    });

    await t.test(
      "one byte of the contractor's copy is another: the next drill says so, and validate turns red",
      async (t) => {
        const before = (await drills()).length;
        const file = `$(ls -d ${RUNS}/*Z | tail -n 1)/encrypted.dat`;
        const flip = `f=${file}; at=$(($(stat -c %s "$f") / 2)); byte=$(dd if="$f" bs=1 skip=$at count=1 status=none | od -An -tu1)
      printf "$(printf '\\\\%03o' $((byte ^ 1)))" | dd of="$f" bs=1 seek=$at count=1 conv=notrunc status=none`;
        await inside('contractor', flip);
        t.equal(await inside('drill1', `code=0; ${DRILL} >/tmp/said 2>&1 || code=$?; echo $code`), '5');
        t.match(await inside('drill1', 'cat /tmp/said'), /encrypted\.dat/);
        t.equal((await drills()).length, before + 1, 'it is published');
        const { exitCode, told } = await validate();
        t.strictSame({ exitCode, told }, { exitCode: 5, told: ['error drill'] });
        const verify = `code=0; ${VERIFY} >/tmp/said 2>&1 || code=$?; echo $code`;
        t.equal(await inside('db1', verify), '5', 'and so does the host itself, without a key');
        t.match(await inside('db1', 'cat /tmp/said'), /encrypted\.dat differs in segment/);
        await inside('contractor', flip);
        t.equal(await inside('db1', verify), '0');
        await inside('drill1', DRILL);
        t.strictSame((await validate()).told, [], 'mended, the next one proves it');
      },
    );

    await t.test(
      'without room, or without the programs of a server, nobody is told that a copy is wrong',
      async (t) => {
        const scratch = '/var/lib/coffre-drill/scratch';
        const said = (before: string, after: string) =>
          inside(
            'drill1',
            `${before}; code=0; ${DRILL} >/tmp/said 2>&1 || code=$?; ${after}; echo $code; cat /tmp/said`,
          );
        const full = await said(`mount -t tmpfs -o size=100m scratch ${scratch}`, `umount ${scratch}`);
        t.match(full, /^4\n[\s\S]*\d+ MiB are needed, and \d+ MiB are free/);
        const [there, away] = ['/usr/sbin/mariadbd', '/usr/sbin/away'];
        await inside('drill1', `mv ${there} ${away}`);
        t.match(await said('true', 'true'), /^2\n[\s\S]*program mariadbd[\s\S]*apt-get install .*mariadb-server-core/);
        const checked = await provision(['drill1', '--check']);
        t.match(checked.of('drill1'), { ok: false, code: 'program-missing', hint: /mariadb-server-core/ });
        await inside('drill1', `mv ${away} ${there}`);
        t.strictSame((await validate()).told, ['warning drill'], 'the last proof still holds');
        await inside('drill1', DRILL);
        t.strictSame((await validate()).told, []);
      },
    );
  },
);
