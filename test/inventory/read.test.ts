import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { readInventory } from '../../lib/inventory/read.ts';
import { CoffreError } from '../../lib/model/error.ts';
import type { HostName } from '../../lib/model/names.ts';
import { inventoryWith } from '../fixture/inventory.ts';

const EXAMPLE = fileURLToPath(new URL('../../inventory', import.meta.url));
const example = (file: string) => readFileSync(join(EXAMPLE, file), 'utf8');
const DB1 = example('hosts/db1.yaml');
const DB2 = example('hosts/db2.yaml');
const DEFAULTS = example('defaults.yaml');
const lineOf = (text: string, part: string) => text.slice(0, text.indexOf(part)).split('\n').length;

/** A host like db1 of the example, but one that follows `primary`. */
function replicaNamed(name: string, primary: string, user: string, login = 'password'): string {
  const more = `  replicaOf: ${primary}\n  account: { user: ${user}, from: localhost, login: ${login} }\n`;
  return DB1.replace('  socket:', `${more}  socket:`)
    .replaceAll('/db1', `/${name}`)
    .replaceAll('db1.', `${name}.`)
    .concat(`store: { path: /mnt/data/mysqldata-${name}, mount: fuse.glusterfs }\n`);
}

/** The findings of an inventory that must be refused. */
async function findingsIn(folder: string): Promise<readonly string[]> {
  try {
    await readInventory(folder);
  } catch (error) {
    if (error instanceof CoffreError && error.code === 'inventory') return error.findings;
    throw error;
  }
  return [];
}

t.test('accepts the example, with its defaults merged in', async (t) => {
  const { hosts, recipients } = await readInventory(EXAMPLE);
  t.strictSame([...hosts.keys()], ['db1', 'db2']);
  t.strictSame([...recipients.keys()], ['company', 'escrow']);
  t.match(hosts.get('db1' as HostName), {
    name: 'db1',
    database: {
      socket: '/run/mysqld/mysqld.sock',
      account: { user: 'bkpuser', from: 'localhost' },
      exclude: ['scratch'],
    },
    store: { path: '/mnt/data/mysqldata', mount: 'fuse.glusterfs' },
    secrets: { path: '/etc/coffre/.env' },
  });
  t.match(hosts.get('db2' as HostName), { database: { address: '172.10.10.10', account: { from: '172.10.10.20' } } });
});

t.test('a host may publish at GitHub, by a token or as an App', async (t) => {
  const audit = 'audit: { kind: github, repository: acme/backup-audit';
  const folder = await inventoryWith(t, {
    'hosts/db1.yaml': `${DB1}${audit} }\n`,
    'hosts/db2.yaml': `${DB2}${audit}, branch: records, app: { id: Iv23li0123456789, installation: 42 } }\n`,
  });
  const { hosts } = await readInventory(folder);
  t.strictSame(hosts.get('db1' as HostName)?.audit, {
    ...{ kind: 'github', repository: 'acme/backup-audit', branch: 'main', api: 'https://api.github.com' },
  });
  t.match(hosts.get('db2' as HostName)?.audit, {
    branch: 'records',
    app: { id: 'Iv23li0123456789', installation: 42 },
  });
});

t.test('tells five different mistakes in three files at once, each with file, line and path', async (t) => {
  const defaults = DEFAULTS.replace('graceHours: 6', 'graceHours: soon');
  const db1 = DB1.replace('  exclude: [scratch]', '  exlude: [scratch]').replace(
    'path: /backups/db1',
    'path: backups/db1',
  );
  const db2 = DB2.replace('"30 4 * * *"', '"61 4 * * *"').replace(/^ {4}hostKey.*\n/m, '');
  const folder = await inventoryWith(t, { 'defaults.yaml': defaults, 'hosts/db1.yaml': db1, 'hosts/db2.yaml': db2 });
  const findings = await findingsIn(folder);
  t.strictSame(findings, [
    `defaults.yaml:${lineOf(defaults, 'graceHours')}:1 graceHours: expected a number (schema)`,
    `hosts/db1.yaml:${lineOf(db1, 'exlude')}:3 database.exlude: there is no such key; did you mean exclude? (schema)`,
    `hosts/db1.yaml:${lineOf(db1, 'path: backups')}:5 offsite[0].path: it does not fit: an absolute path (schema)`,
    `hosts/db2.yaml:${lineOf(db2, '"61 4')}:1 schedule: the minute "61" is not within 0-59 (cron-expression)`,
    `hosts/db2.yaml:${lineOf(db2, '- name')}:5 offsite[0].hostKey: it is missing: text is expected (pinned-host-key)`,
  ]);
});

t.test('lets no mistake of form hide another one, nor what the rules say of the same host', async (t) => {
  const db1 = DB1.replace('kind: sftp', 'kind: ftp').replace(
    '    address: backup',
    '    prot: 22\n    address: backup',
  );
  const defaults = DEFAULTS.replace('"0 4 * * *"', '"99 4 * * *"').replace('[company, escrow]', '[company, escorw]');
  const findings = await findingsIn(await inventoryWith(t, { 'hosts/db1.yaml': db1, 'defaults.yaml': defaults }));
  for (const part of ['offsite[0].kind', 'offsite[0].prot', 'schedule', 'escorw']) {
    t.equal(findings.filter((finding) => finding.includes(part)).length, 1, `${part} in ${findings.join('; ')}`);
  }
});

t.test(
  'tells what is wrong in a host beside defaults that cannot be read, and nothing of what they would have said',
  async (t) => {
    const db1 = DB1.replace('    address: backup', '    port: "abc"\n    address: backup').replace(
      /^ {4}hostKey.*\n/m,
      '',
    );
    const db2 = DB2.replace('"30 4 * * *"', '"61 4 * * *"');
    for (const defaults of ['a: [\n', 'graceHours:\n', Buffer.from([0xff])]) {
      const files = { 'defaults.yaml': defaults, 'hosts/db1.yaml': db1, 'hosts/db2.yaml': db2 };
      t.match(await findingsIn(await inventoryWith(t, files)), [
        /^defaults.yaml:/,
        /^hosts\/db1.yaml:\d+:\d+ offsite\[0\].hostKey: it is missing/,
        /^hosts\/db1.yaml:\d+:\d+ offsite\[0\].port: expected a number/,
        /^hosts\/db2.yaml:\d+:\d+ schedule: the minute/,
      ]);
    }
    t.strictSame((await findingsIn(await inventoryWith(t, { 'defaults.yaml': 'a: [\n' }))).length, 1);
  },
);

t.test('explains the two forms of a database', async (t) => {
  const both = await inventoryWith(t, { 'hosts/db1.yaml': DB1.replace('  socket:', '  address: x\n  socket:') });
  t.match(await findingsIn(both), [/hosts\/db1.yaml:\d+:3 database.address: it does not go with the keys beside it/]);
  const neither = await inventoryWith(t, { 'hosts/db1.yaml': DB1.replace(/ {2}socket:.*\n/, '') });
  t.match(await findingsIn(neither), [/database: it has neither a socket nor an address/]);
  const noTls = await inventoryWith(t, { 'hosts/db2.yaml': DB2.replace(/ {2}tls:.*\n/, '') });
  t.match(await findingsIn(noTls), [/hosts\/db2.yaml:\d+:1 database.tls: it is missing: a map is expected/]);
});

t.test('never shows a value, which could be a secret in a wrong place', async (t) => {
  const db1 = DB1.replace('    user: acme', '    user: acme\n    identityPassphrase: correct horse');
  const findings = await findingsIn(await inventoryWith(t, { 'hosts/db1.yaml': db1 }));
  t.equal(findings.length, 1);
  t.notMatch(findings.join(), /correct horse/);
});

const broken: Readonly<Record<string, { files: Record<string, string | Buffer | undefined>; tells: RegExp }>> = {
  'a duplicate key': {
    files: { 'hosts/db1.yaml': `${DB1}\nssh: {}\n` },
    tells: /hosts\/db1.yaml:\d+:1: this key stands here twice \(yaml\)/,
  },
  'a syntax error': { files: { 'hosts/db1.yaml': 'ssh: {' }, tells: /hosts\/db1.yaml:1:\d+: this is not YAML/ },
  'a bomb of aliases': {
    files: { 'defaults.yaml': 'a: &a [x]\nb: [*a, *a]\n' },
    tells: /defaults.yaml:1:\d+: anchors and aliases/,
  },
  'a tag': { files: { 'hosts/db1.yaml': 'a: !!js/function x\n' }, tells: /this is not YAML/ },
  'a list': { files: { 'hosts/db1.yaml': '- x\n' }, tells: /expected a map of keys and values/ },
  'two documents': { files: { 'hosts/db1.yaml': 'a: 1\n---\nb: 1\n' }, tells: /only one document/ },
  'an empty file': { files: { 'hosts/db1.yaml': '' }, tells: /hosts\/db1.yaml:1:1 database: it has neither/ },
  'a key without value': {
    files: { 'hosts/db1.yaml': DB1.replace('exclude: [scratch]', 'exclude:') },
    tells: /database.exclude: it has no value/,
  },
  'a huge file': {
    files: { 'hosts/db1.yaml': '#'.repeat(300_000) },
    tells: /hosts\/db1.yaml: it is larger than 256 KiB/,
  },
  'bytes that are not UTF-8': {
    files: { 'hosts/db1.yaml': Buffer.from([0xff, 0xfe, 0x00]) },
    tells: /it is not UTF-8 text/,
  },
  'a wrong extension': { files: { 'hosts/db3.yml': DB1 }, tells: /hosts\/db3.yml: it would be overlooked/ },
  'a bad host name': { files: { 'hosts/DB3.yaml': DB1 }, tells: /hosts\/DB3.yaml: a host name has lower-case/ },
  'no hosts': { files: { hosts: undefined }, tells: /there is no host/ },
  'an unknown recipient': {
    files: { 'hosts/db1.yaml': `${DB1}recipients: [company, auditor]\n` },
    tells: /hosts\/db1.yaml:\d+:\d+ recipients\[1\]: there is no recipients\/auditor.pem \(unknown-recipient\)/,
  },
  'one recipient': {
    files: { 'defaults.yaml': DEFAULTS.replace('[company, escrow]', '[company]') },
    tells: /defaults.yaml:\d+:1 recipients: at least 2 recipients .*two-recipients/,
  },
  'a double recipient': {
    files: { 'hosts/db1.yaml': `${DB1}recipients: [company, company]\n` },
    tells: /stands here twice \(two-recipients\)/,
  },
  'overlapping paths': {
    files: { 'hosts/db1.yaml': `${DB1}export: { path: /mnt/data/mysqldata/x/../export }\n` },
    tells: /store.path: it and export.path.*overlapping-paths/,
  },
  'a secret in the store': {
    files: { 'hosts/db1.yaml': `${DB1}secrets: { path: /mnt/data/mysqldata/.env }\n` },
    tells: /secrets.path: a secret must not stand/,
  },
  'a schedule that never fires': {
    files: { 'hosts/db1.yaml': `${DB1}schedule: "0 4 31 2 *"\n` },
    tells: /schedule: it never fires/,
  },
  'a time zone of nowhere': {
    files: { 'hosts/db1.yaml': `${DB1}timezone: Europe/Atlantis\n` },
    tells: /timezone: there is no such time zone.*\(timezone\)/,
  },
  'an unpinned remote': {
    files: { 'defaults.yaml': DEFAULTS.replace(/ {2}hostKey: .*\n/, '') },
    tells: /audit.hostKey: it is missing: a remote over SSH.*git-remote-pinned/,
  },
  'a remote helper': {
    files: { 'hosts/db1.yaml': `${DB1}audit: { remote: "ext::sh -c x" }\n` },
    tells: /audit.remote: .*git-remote-pinned/,
  },
  'a password in a remote': {
    files: { 'hosts/db1.yaml': `${DB1}audit: { remote: "https://u:hunter2@x/y" }\n` },
    tells: /^(?!.*hunter2).*secret-in-inventory/,
  },
  'a driver that there is not': {
    files: { 'hosts/db1.yaml': `${DB1}audit: { kind: gitlab, repository: a/b }\n` },
    tells: /hosts\/db1.yaml:\d+:\d+ audit.kind: /,
  },
  'a repository at GitHub that is an address': {
    files: { 'hosts/db1.yaml': `${DB1}audit: { kind: github, repository: "https://github.com/a/b" }\n` },
    tells: /audit.repository: .*owner\/name/,
  },
  'a remote of GitHub': {
    files: { 'hosts/db1.yaml': `${DB1}audit: { kind: github, repository: a/b, remote: "git@x:y" }\n` },
    tells: /audit.remote: it does not go with the kind that stands beside it/,
  },
  'an API that would hear the token unencrypted': {
    files: { 'hosts/db1.yaml': `${DB1}audit: { kind: github, repository: a/b, api: "http://github.example" }\n` },
    tells: /audit.api: .*begins with https/,
  },
  'a token in the inventory': {
    files: { 'hosts/db1.yaml': `${DB1}audit: { kind: github, repository: a/b, token: hunter2 }\n` },
    tells: /^(?!.*hunter2).*audit.token: there is no such key/,
  },
  'a user for a remote over SSH': {
    files: { 'hosts/db1.yaml': `${DB1}audit: { user: oauth2 }\n` },
    tells: /audit.user: it is only for an https:\/\/ remote/,
  },
  'one account for two hosts': {
    files: { 'hosts/db3.yaml': DB2.replace('/backups/db2', '/backups/db3').replace('sqldata-db2', 'sqldata-db3') },
    tells: /hosts\/db3.yaml:\d+:3 database.account: db2 uses the same account.*duplicate-account/,
  },
  'a replica of nowhere': {
    files: { 'hosts/db1.yaml': DB1.replace('  socket:', '  replicaOf: db7\n  socket:') },
    tells: /hosts\/db1.yaml:\d+:3 database.replicaOf: there is no hosts\/db7.yaml \(replica-of\)/,
  },
  'a replica of itself': {
    files: { 'hosts/db1.yaml': DB1.replace('  socket:', '  replicaOf: db1\n  socket:') },
    tells: /database.replicaOf: a server is no replica of itself \(replica-of\)/,
  },
  'a replica of a replica': {
    files: {
      'hosts/db2.yaml': DB2.replace('  address: 172', '  replicaOf: db1\n  address: 172'),
      'hosts/db3.yaml': replicaNamed('db3', 'db2', 'bkpdb3'),
    },
    tells: /hosts\/db3.yaml:\d+:3 database.replicaOf: db2 is a replica itself.*replica-of/,
  },
  'the account of the primary on its replica': {
    files: { 'hosts/db3.yaml': replicaNamed('db3', 'db1', 'bkpuser') },
    tells: /hosts\/db3.yaml:\d+:3 database.account: db1 has the same account, and replication.*replica-account/,
  },
  'one account of two replicas': {
    files: {
      'hosts/db3.yaml': replicaNamed('db3', 'db1', 'bkpreplica'),
      'hosts/db4.yaml': replicaNamed('db4', 'db1', 'bkpreplica', 'unix_socket'),
    },
    tells: /hosts\/db4.yaml:\d+:3 database.account: db3 has the same account.*replica-account/,
  },
  "a login by unix_socket at another machine's server": {
    files: { 'hosts/db2.yaml': DB2.replace('from: 172.10.10.20', 'from: 172.10.10.20, login: unix_socket') },
    tells: /database.account.login: unix_socket needs a server on this host.*socket-login/,
  },
  'a login by unix_socket of a name that no system user has': {
    files: {
      'hosts/db1.yaml': DB1.replace(
        '  socket:',
        '  account: { user: "-x y", from: localhost, login: unix_socket }\n  socket:',
      ),
    },
    tells: /database.account.user: unix_socket needs a name.*socket-login/,
  },
  'a level that the compressor does not have': {
    files: { 'hosts/db1.yaml': `${DB1}\ncompression: { program: igzip, level: 9 }\n` },
    tells: /hosts\/db1.yaml:\d+:\d+ compression.level: igzip takes a level from 0 to 3 .compression-level/,
  },
  'a level for whatever compressor there is': {
    files: { 'hosts/db1.yaml': `${DB1}\ncompression: { level: 3 }\n` },
    tells: /compression.level: auto takes the level that is usual.*compression-level/,
  },
  'one store for two hosts': {
    files: { 'hosts/db2.yaml': DB2.replace('/mnt/data/mysqldata-db2', '/mnt/data/mysqldata') },
    tells: /hosts\/db2.yaml:\d+:\d+ store.path: db1 has the same path on a mounted volume.*shared-store/,
  },
  'one folder for two hosts': {
    files: { 'hosts/db2.yaml': DB2.replace('/backups/db2', '/backups/./db1/').replace('acme-db2', 'acme-db1') },
    tells: /hosts\/db2.yaml:\d+:5 offsite\[0\].path: db1 keeps its runs in the same folder.*duplicate-offsite/,
  },
  'one name for two offsites': {
    files: { 'hosts/db1.yaml': DB1 + DB1.slice(DB1.indexOf('  - name')).replace('db1', 'other') },
    tells: /offsite\[1\].name: another offsite of this host.*duplicate-offsite/,
  },
  'a pattern among the signers': {
    files: { 'signers/allowed_signers': '* namespaces="coffre-manifest" ssh-ed25519 AAAA\n' },
    tells: /signers\/allowed_signers:1:1: the first word .*allowed-signers/,
  },
  'a signer of no host': {
    files: {
      'signers/allowed_signers': `db9 namespaces="coffre-manifest" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAmb1io0/PrkIy897b/5MdyTGDVCNGaat1oqCQgkDsq0\n`,
    },
    tells: /there is no hosts\/db9.yaml.*allowed-signers/,
  },
  'a private key anywhere': {
    files: { 'notes.txt': 'x\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n' },
    tells: /notes.txt:2:1: a private key stands here.*private-key-in-inventory/,
  },
  'a private key as a recipient': {
    files: { 'recipients/company.pem': '-----BEGIN PRIVATE KEY-----\n' },
    tells: /recipients\/company.pem:1:1: a private key/,
  },
  'a recipient that is no key': {
    files: { 'recipients/company.pem': 'x' },
    tells: /recipients\/company.pem: expected one public key/,
  },
  'a recipient of another kind': {
    files: {
      'recipients/company.pem': generateKeyPairSync('ed25519').publicKey.export({
        type: 'spki',
        format: 'pem',
      }) as string,
    },
    tells: /recipients\/company.pem: expected an RSA key, and this is one of type ed25519/,
  },
  'a recipient with a short key': {
    files: {
      'recipients/company.pem': generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
        type: 'spki',
        format: 'pem',
      }) as string,
    },
    tells: /its 2048 bits are too few/,
  },
};

for (const [name, { files, tells }] of Object.entries(broken)) {
  t.test(`refuses ${name}`, async (t) => {
    const findings = await findingsIn(await inventoryWith(t, files));
    t.equal(findings.length, 1, findings.join('\n'));
    t.match(findings[0], tells);
  });
}

t.test('accepts replicas with accounts of their own, and one account for all where it has no password', async (t) => {
  const folder = await inventoryWith(t, {
    'hosts/db1.yaml': DB1.replace(
      '  socket:',
      '  account: { user: bkpuser, from: localhost, login: unix_socket }\n  socket:',
    ),
    'hosts/db3.yaml': replicaNamed('db3', 'db1', 'bkpuser', 'unix_socket'),
    'hosts/db4.yaml': replicaNamed('db4', 'db1', 'bkpdb4'),
  });
  t.strictSame(await findingsIn(folder), []);
});

t.test('refuses a folder in the place of a file, and a folder that is not there', async (t) => {
  const folder = await inventoryWith(t);
  await mkdir(join(folder, 'hosts', 'db3.yaml'));
  t.match(await findingsIn(folder), ['hosts/db3.yaml: it is not a file (file)']);
  await t.rejects(readInventory(join(folder, 'nowhere')), { code: 'inventory', hint: /--inventory/ });
});

t.test('takes a byte order mark, and a socket in the host over an address in the defaults', async (t) => {
  const defaults = DEFAULTS.replace('database:', 'database:\n  address: 10.0.0.1\n  port: 3307\n  tls: { ca: /x }');
  const folder = await inventoryWith(t, { 'hosts/db1.yaml': `\ufeff${DB1}`, 'defaults.yaml': defaults });
  const { hosts } = await readInventory(folder);
  const database = hosts.get('db1' as HostName)?.database;
  t.match(database, { socket: '/run/mysqld/mysqld.sock' });
  t.notHas(database, 'address');
});

t.test('any text at all is findings, or an inventory', async (t) => {
  const folder = await inventoryWith(t, { 'hosts/db2.yaml': undefined });
  const { writeFile } = await import('node:fs/promises');
  const lines = fc.array(
    fc.constantFrom(...DB1.split('\n'), 'a: &x', '*x', '? [a]', '<<: {}', '__proto__: {}', '- ', '\t', '%YAML 9'),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        lines.map((words) => words.join('\n')),
      ),
      async (text) => {
        await writeFile(join(folder, 'hosts/db1.yaml'), text);
        await findingsIn(folder);
      },
    ),
    { numRuns: 150 },
  );
});
