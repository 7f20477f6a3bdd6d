import fc from 'fast-check';
import t from 'tap';
import { parseGitRemote } from '../../lib/model/git-remote.ts';

t.test('knows how a remote is reached', async (t) => {
  const of = (remote: string) => parseGitRemote(remote).transport;
  t.equal(of('git@git.example.net:backup-audit.git'), 'ssh');
  t.equal(of('git.example.net:backup-audit.git'), 'ssh');
  t.equal(of('git@[2001:db8::1]:backup-audit.git'), 'ssh');
  t.equal(of('ssh://git@git.example.net:2222/backup-audit.git'), 'ssh');
  t.equal(of('https://git.example.net/backup-audit.git'), 'https');
  t.equal(of('http://127.0.0.1:3000/backup-audit.git'), 'https', 'no network carries that');
  t.equal(of('http://127.0.0.1.example.net/x'), 'refused');
  t.equal(of('/srv/backup-audit.git'), 'file');
  t.equal(of('file:///srv/backup-audit.git'), 'file');
});

t.test('refuses what could run a program, or travels unprotected', async (t) => {
  const wrong = [
    'ext::sh -c x',
    'ext::x',
    'fd::17',
    '--upload-pack=x',
    '-x',
    'ssh://-oProxyCommand=x/y',
    '-oProxy@x:y',
    'x:-y',
  ];
  wrong.push('git@-oProxyCommand=x:y', 'http://x/y', 'git://x/y', 'ftp://x/y', 'a b:c', 'x\n:y', 'relative/path', '');
  for (const remote of wrong) t.equal(parseGitRemote(remote).transport, 'refused', JSON.stringify(remote));
});

t.test('sees a password or a token in an address', async (t) => {
  t.ok(parseGitRemote('https://user:hunter2@git.example.net/x').hasPassword);
  t.ok(parseGitRemote('https://ghp_token@git.example.net/x').hasPassword);
  t.ok(parseGitRemote('ssh://git:hunter2@git.example.net/x').hasPassword);
  t.notOk(parseGitRemote('ssh://git@git.example.net/x').hasPassword);
});

t.test('reads any text without failing', async () => {
  fc.assert(fc.property(fc.string(), (text) => typeof parseGitRemote(text).transport === 'string'));
});
