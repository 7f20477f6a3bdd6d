import t from 'tap';
import { githubRepositoryOf, isGitHubRepository } from '../../lib/model/github-address.ts';

t.test('knows a repository at GitHub by each of its addresses, and nothing else', async (t) => {
  for (const remote of [
    'git@github.com:acme/backup-audit.git',
    'git@github.com:acme/backup-audit',
    'ssh://git@github.com/acme/backup-audit.git',
    'ssh://git@github.com:22/acme/backup-audit.git',
    'https://github.com/acme/backup-audit',
    'https://github.com/acme/backup-audit.git/',
  ]) {
    t.equal(githubRepositoryOf(remote), 'acme/backup-audit', remote);
  }
  for (const remote of [
    'git@github.com.evil.example:acme/x.git',
    'https://evil.example/github.com/acme/x',
    'https://github.com@evil.example/acme/x',
    'git@github.com:acme',
    'git@github.com:acme/x/y',
    'git@github.com:acme/..',
    '/srv/github.com/acme/x',
  ]) {
    t.equal(githubRepositoryOf(remote), undefined, remote);
  }
  t.ok(isGitHubRepository('acme/x.y_z-1'));
  for (const text of ['acme', '/acme', 'acme/', '-a/x', 'acme/x y', 'a/b/c']) t.notOk(isGitHubRepository(text), text);
});
