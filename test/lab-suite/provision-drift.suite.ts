import { dirname, join } from 'node:path';
import t from 'tap';
import { fleetInventory } from '../fixture/fleet.ts';
import { insideOf } from '../fixture/inside.ts';
import { operatorOf } from '../fixture/operator.ts';
import { startLab } from '../lab/start-lab.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';
import { temporaryFolder } from '../temporary.ts';

/** Something that somebody does by hand, and the changes that set it right. */
interface Drift {
  readonly what: string;
  readonly script: string;
  /** Where the script runs, if not on the host itself. */
  readonly on?: string;
  /** What `--check` names. */
  readonly told: readonly string[];
}

const HOSTS = ['db1', 'db2', 'db3'] as const;
const ACCOUNT = "change account 'bkpuser'@'localhost'";
const REPLICA = "'bkpuser_db2'@'localhost'";
const OPTIONS = 'change option-file /etc/coffre/my.cnf';
const CRON = 'cron-entry /etc/cron.d/coffre';
const RELEASE = 'change release /opt/coffre';
const CONTRACTOR = 'change file contractor: /etc/ssh/authorized_keys/archive1';
const sql = (statement: string) => `mariadb -e "${statement}"`;

/** By host, one a round. db1 has a contractor; db2 is a replica of db1. */
const DRIFTS: Readonly<Record<(typeof HOSTS)[number], readonly Drift[]>> = {
  db1: [
    { what: 'an extra grant', script: sql('GRANT DELETE ON *.* TO bkpuser@localhost'), told: [ACCOUNT] },
    { what: 'a missing grant', script: sql('REVOKE TRIGGER ON *.* FROM bkpuser@localhost'), told: [ACCOUNT] },
    { what: 'another password', script: sql("ALTER USER bkpuser@localhost IDENTIFIED BY 'guess'"), told: [ACCOUNT] },
    { what: 'a locked account', script: sql('ALTER USER bkpuser@localhost ACCOUNT LOCK'), told: [ACCOUNT] },
    {
      what: 'a dropped account',
      script: sql('DROP USER bkpuser@localhost'),
      told: ["create account 'bkpuser'@'localhost'"],
    },
    {
      what: 'a lost key',
      script: 'rm /etc/coffre/offsite_ed25519*',
      told: ['create key /etc/coffre/offsite_ed25519', CONTRACTOR],
    },
    { what: 'keys at the contractor', on: 'far', script: ': >/etc/ssh/authorized_keys/archive1', told: [CONTRACTOR] },
    { what: 'options that others could read', script: 'chmod 644 /etc/coffre/my.cnf', told: [OPTIONS, ACCOUNT] },
  ],
  db2: [
    {
      what: "a replica's missing grant",
      on: 'db1',
      script: sql(`REVOKE EVENT ON *.* FROM ${REPLICA}`),
      told: [`change account ${REPLICA}`],
    },
    { what: 'an edited schedule', script: "sed -i 's/^0 4/5 4/' /etc/cron.d/coffre", told: [`change ${CRON}`] },
    { what: 'a removed cron file', script: 'rm /etc/cron.d/coffre', told: [`create ${CRON}`] },
    { what: 'a cron file of mode 0664', script: 'chmod 664 /etc/cron.d/coffre', told: [`change ${CRON}`] },
    { what: "somebody's cron file", script: 'chown nobody /etc/cron.d/coffre', told: [`change ${CRON}`] },
    {
      what: "a replica's dropped account",
      on: 'db1',
      script: sql(`DROP USER ${REPLICA}`),
      told: [`create account ${REPLICA}`],
    },
    {
      what: 'another key of a recipient',
      script: 'openssl genpkey -algorithm RSA -quiet | openssl pkey -pubout >/.dec/company.pem',
      told: ['change file /.dec/company.pem'],
    },
    { what: 'a lost key of a recipient', script: 'rm /.dec/escrow.pem', told: ['create file /.dec/escrow.pem'] },
  ],
  db3: [
    {
      what: 'an edited slice',
      script: 'echo "# mine" >>/etc/coffre/host.yaml',
      told: ['change file /etc/coffre/host.yaml'],
    },
    {
      what: 'edited signers',
      script: 'echo "# mine" >>/etc/coffre/allowed_signers',
      told: ['change file /etc/coffre/allowed_signers'],
    },
    { what: 'an edited agent', script: 'echo "// mine" >>/opt/coffre/current/verbs/backup.mjs', told: [RELEASE] },
    { what: 'a link moved', script: 'ln -sfn /tmp /opt/coffre/current', told: [RELEASE] },
    { what: 'a lost file of the agent', script: 'rm /opt/coffre/current/verbs/list.mjs', told: [RELEASE] },
    { what: 'an open folder', script: 'chmod 755 /etc/coffre', told: ['change folder /etc/coffre'] },
    {
      what: 'another password in the options',
      script: 'sed -i \'s/^password.*/password = "guess"/\' /etc/coffre/my.cnf',
      told: [ACCOUNT],
    },
    {
      what: 'a readable signing key',
      script: 'chmod 644 /var/lib/coffre/signing/id_ed25519',
      told: ['change key /var/lib/coffre/signing/id_ed25519'],
    },
  ],
};

t.test('drift', { skip: whyNoLab() ?? false }, async (t) => {
  const { path: folder, remove } = temporaryFolder();
  const roles = ['database', 'cron'] as const;
  const node = dirname(process.execPath);
  const lab = await startLab({
    folder: join(folder, 'lab'),
    hosts: [
      { name: 'db1', roles, node },
      { name: 'db2', roles, node, replicaOf: 'db1' },
      { name: 'db3', roles, node },
      { name: 'far', roles: ['contractor', 'git'] },
    ],
  });
  t.teardown(() => lab.down().then(remove));
  const inside = insideOf(lab);
  const far = lab.host('far');
  const fleet = await fleetInventory(folder, lab, {
    schedule: '0 4 * * *',
    store: { path: '/mnt/data/mysqldata', mount: 'none' },
    audit: {
      kind: 'git',
      remote: `git@${far.address}:backup-audit.git`,
      identity: '/etc/coffre/audit_ed25519',
      hostKey: far.hostKey,
    },
  });
  const database = { socket: '/run/mysqld/mysqld.sock', account: { user: 'bkpuser', from: 'localhost' } };
  const admin = { user: 'root', identity: lab.identityPath() };
  const offsite = {
    name: 'contractor',
    kind: 'sftp',
    address: far.address,
    hostKey: far.hostKey,
    user: 'archive1',
    path: '/backups/db1',
    admin,
  };
  await fleet.write('db1', { database, offsite: [{ ...offsite, admin: { ...admin, folder: '/srv/coffre' } }] });
  await fleet.write('db2', {
    database: { ...database, account: { user: 'bkpuser_db2', from: 'localhost' }, replicaOf: 'db1' },
  });
  await fleet.write('db3', { database });
  const provision = operatorOf(fleet.folder);
  const bare = await provision(['--all']);
  t.equal(bare.exitCode, 0);

  for (const [round] of DRIFTS.db1.entries()) {
    const made = HOSTS.map((host) => ({ host, drift: DRIFTS[host][round] as Drift }));
    await t.test(made.map(({ drift }) => drift.what).join('; '), async (t) => {
      for (const { host, drift } of made) await inside(drift.on ?? host, drift.script);
      const found = await provision(['--all', '--check']);
      t.equal(found.exitCode, 2);
      for (const { host, drift } of made) t.strictSame(found.of(host).changes, drift.told, `told of ${drift.what}`);
      const mended = await provision(['--all']);
      t.equal(mended.exitCode, 0);
      for (const { host, drift } of made) {
        t.strictSame(mended.of(host).changes, drift.told, `mended: ${drift.what}`);
      }
    });
  }

  await t.test('after all of it nothing is left to change', async (t) => {
    const { exitCode, of } = await provision(['--all', '--check']);
    t.equal(exitCode, 0);
    for (const host of HOSTS) t.strictSame(of(host).changes, []);
  });
});
