import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { HostName } from '../../lib/model/names.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { contractorSide, DENIED_REQUESTS } from '../../lib/storage/contractor-side.ts';
import { otherLogins } from '../../lib/storage/other-logins.ts';
import { run } from '../../lib/system/command.ts';

const KEY = `ssh-ed25519 ${Buffer.alloc(51, 7).toString('base64')}`;
const DB1 = HostName.parse('db1');

function offsite(change: object = {}): SftpOffsiteConfig {
  return SftpOffsiteConfig.parse({
    ...{ name: 'contractor', kind: 'sftp', address: 'backup.example.org', user: 'acme', path: '/backups/db1' },
    ...{ hostKey: KEY, ...change },
  });
}

t.test('the account, its folders, its rules and its key', async (t) => {
  const side = contractorSide(offsite(), `${KEY} root@db1 "; rm -rf /\n`, DB1);
  t.equal(side.folder, '/srv/coffre/acme/backups/db1');
  t.same(side.rootFolders, ['/srv/coffre', '/srv/coffre/acme', '/srv/coffre/acme/backups']);
  t.equal(side.keys.path, '/etc/ssh/authorized_keys/acme');
  t.equal(side.keys.line, `restrict,command="internal-sftp" ${KEY} coffre:db1`);
  t.match(side.rules.content, /^Match User acme\n {4}ChrootDirectory \/srv\/coffre\/acme\n/m);
  t.match(side.rules.content, /\nMatch all\n$/, 'what is included later belongs to no Match block');
  t.match(side.commands, {
    before: [/useradd .*--shell \/usr\/sbin\/nologin/, /^install -d -o root/, /^install -d -m 0700 -o acme/],
    after: [/^chmod 0644/, /^sshd -t && /, /^sshd -T/],
  });
  const elsewhere = contractorSide(
    offsite({ admin: { user: 'root', folder: '/data/safe' }, path: '/x//y/../' }),
    KEY,
    DB1,
  );
  t.equal(elsewhere.folder, '/data/safe/acme/x');
  t.same(elsewhere.rootFolders, ['/data/safe', '/data/safe/acme']);
});

t.test('what cannot be in a chroot is refused', async (t) => {
  for (const change of [{ path: '/' }, { path: '/a/..' }, { path: '/a\x1b[2J' }, { user: 'root' }]) {
    t.throws(() => contractorSide(offsite(change), KEY, DB1), { code: 'inventory', hint: /inventory\/hosts/ });
  }
  for (const key of ['', 'nonsense', `${KEY}\n${KEY}`, `command="x" ${KEY}`, '-----BEGIN OPENSSH PRIVATE KEY-----\n']) {
    t.throws(() => contractorSide(offsite(), key, DB1), { code: 'usage', hint: /ssh-keygen -y/ });
  }
});

t.test('whatever the inventory holds, each word of a command and each line of a file stays one', async (t) => {
  const awkward = fc.oneof(
    fc.constantFrom("'", '"', '$(touch x)', '`id`', ' ', '%', '\\', ';', '#', '*', '\t', '-', '..', 'ü'),
    fc.string(),
  );
  const path = fc.array(awkward, { minLength: 1, maxLength: 6 }).map((parts) => `/${parts.join('')}`);
  const user = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,10}$/);
  const folder = fc.oneof(path, fc.constantFrom('/srv', '/data/x.y', '/a b', '/a/../b', '/%u'));
  const property = fc.asyncProperty(path, user, folder, async (path, user, folder) => {
    const parsed = SftpOffsiteConfig.safeParse({ ...offsite(), path, user, admin: { user: 'root', folder } });
    if (!parsed.success) return;
    let side: ReturnType<typeof contractorSide>;
    try {
      side = contractorSide(parsed.data, KEY, DB1);
    } catch (error) {
      fc.pre((error as { code?: string }).code !== 'inventory');
      throw error;
    }
    // A real shell takes the commands apart, each into a line: nothing in them runs.
    const told = side.commands.before.slice(1).map((line) => line.replace(/^install/, 'printf "<%s>"'));
    const { stdout } = await run('sh', ['-c', `umask 077; ${told.join('\n')}`]);
    const expected = ['-d', '-o', 'root', '-g', 'root', '-m', '0755', ...side.rootFolders, '/etc/ssh/authorized_keys'];
    const words = [...expected, '-d', '-m', '0700', '-o', user, side.folder];
    if (stdout !== words.map((word) => `<${word}>`).join('')) throw new Error(`${stdout} is not ${words}`);
    const lines = side.rules.content.split('\n');
    if (lines.length !== 20 || !/^[A-Za-z0-9 _./%,#\n-]*$/.test(side.rules.content.slice(lines[0]?.length))) {
      throw new Error(side.rules.content);
    }
    if (!`${side.folder}/`.startsWith(`${side.chroot}/`)) throw new Error(side.folder);
    if (/\n/.test(side.keys.line + side.rules.path + side.keys.path)) throw new Error('a line is two');
  });
  await t.resolves(fc.assert(property, { numRuns: 60 }));
});

t.test('sshd here accepts the rules; its SFTP server has no request that is neither used nor denied', async (t) => {
  const { stdout } = await run('/usr/lib/openssh/sftp-server', ['-Q', 'requests']);
  const known = stdout.split('\n').filter((line) => line !== '');
  const used = 'open close read write lstat fstat opendir readdir remove mkdir rmdir rename fsync limits'.split(' ');
  const byPeople = ['stat', 'realpath', 'statvfs', 'fstatvfs'];
  const left = known.filter((name) => ![...used, ...byPeople, ...DENIED_REQUESTS].includes(name));
  if (left.length > 0) t.comment(`this OpenSSH has requests that are not judged yet: ${left}`);
  t.same(
    used.filter((name) => (DENIED_REQUESTS as readonly string[]).includes(name)),
    [],
  );
  if (known.length > 0)
    t.same(
      used.filter((name) => !known.includes(name)),
      [],
    );
});

t.test('every key but those of known tags is told as ssh-keygen tells it', async (t) => {
  const path = join(t.testdir(), 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', "somebody's laptop", '-f', path]);
  const { stdout } = await run('ssh-keygen', ['-lf', `${path}.pub`]);
  const key = (await run('ssh-keygen', ['-y', '-f', path])).stdout.trim().split(' ').slice(0, 2).join(' ');
  const other = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==';
  const lines = [
    '# a comment',
    '',
    `restrict,command="internal-sftp" ${key} coffre:db1`,
    `command="echo ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== \\" x" ${key} somebody's laptop`,
    `  ${other}`,
    `no-pty ${key} coffre:db1 or so`,
    `restrict ${key} coffre:db10`,
    'not a key',
  ];
  const told = otherLogins(lines.join('\n'), new Set(['coffre:db1', 'coffre:db2']));
  const fingerprint = stdout.split(' ')[1];
  t.match(fingerprint, /^SHA256:/);
  t.match(told, [
    { fingerprint, comment: "somebody's laptop" },
    { comment: '' },
    { fingerprint, comment: 'coffre:db1 or so' },
    { fingerprint, comment: 'coffre:db10' },
  ]);
  t.equal(told.length, 4);
  t.strictSame(otherLogins('', new Set()), []);
});
