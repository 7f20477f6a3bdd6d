import { join } from 'node:path';
import t from 'tap';
import { otherLogins } from '../../lib/storage/other-logins.ts';
import { run } from '../../lib/system/command.ts';

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
