import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { CoffreError } from '../../lib/model/error.ts';
import { gitFailure, runGit } from '../../lib/system/git.ts';
import { withoutProgress } from '../../lib/system/git-progress.ts';
import { fetchBranch, pushBranch } from '../../lib/system/git-transfer.ts';
import { learnSecret } from '../../lib/system/known-secrets.ts';

const lsRemote = (remote: string, timeoutMs = 5000) =>
  runGit(['ls-remote', '--', remote], { timeoutMs, ssh: { hostKey: 'ssh-ed25519 AAAA' } }).then(
    () => undefined,
    (error: CoffreError) => error,
  );

t.test('ends with its whole family when a remote never answers', async (t) => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  for (const scheme of ['ssh', 'https']) {
    const before = Date.now();
    const error = await lsRemote(`${scheme}://127.0.0.1:${port}/x`, 500);
    t.match(error, { code: 'audit-unreachable', message: /no answer within 0.5 s/ });
    t.ok(Date.now() - before < 4000, 'no helper holds the output open');
  }
});

t.test(
  'a remote that is silent is given up, however long the whole may take, and one that goes on is not',
  async (t) => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as { port: number };
    for (const scheme of ['ssh', 'https']) {
      const before = Date.now();
      const args = ['ls-remote', '--', `${scheme}://127.0.0.1:${port}/x`];
      await t.rejects(runGit(args, { silenceMs: 500, ssh: { hostKey: 'ssh-ed25519 AAAA' } }), {
        code: 'audit-unreachable',
        exitCode: 7,
        message: /no answer within 0.5 s$/,
        hint: /^look whether the server .* git ls-remote <remote>$/,
      });
      t.ok(Date.now() - before < 8000, `${scheme}: the whole family is gone`);
    }
    const folder = t.testdir();
    await runGit(['init', '--quiet', '--bare', 'remote.git'], { cwd: folder });
    await runGit(['init', '--quiet', '--bare', 'local.git'], { cwd: folder });
    const [repository, remote] = [join(folder, 'local.git'), join(folder, 'remote.git')];
    const author = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a' };
    const tree = (await runGit(['mktree'], { cwd: repository })).trim();
    const commit = (await runGit(['commit-tree', tree, '-m', 'x'], { cwd: repository, env: author })).trim();
    execFileSync('mkdir', ['-p', join(remote, 'hooks')]);
    const hook = (script: string) => {
      writeFileSync(join(remote, 'hooks', 'pre-receive'), `#!/bin/sh\n${script}\n`);
      chmodSync(join(remote, 'hooks', 'pre-receive'), 0o755);
    };
    const push = (silenceMs: number) =>
      pushBranch({ repository, remote, branch: 'main', options: { silenceMs } }, commit);
    hook('exec sleep 300');
    const before = Date.now();
    await t.rejects(push(1000), { code: 'audit-unreachable', message: /no answer within 1 s$/ });
    t.ok(Date.now() - before < 10_000, 'nor does a hook of the remote hold it');
    hook('for n in 1 2 3 4 5 6 7 8; do echo "still at it" >&2; sleep 1; done');
    t.equal(await push(4000), 'pushed', 'eight seconds in all, and never four of silence');
  },
);

t.test('what git tells of its progress is no reason of a failure', async (t) => {
  const said = [
    'Enumerating objects: 3, done.',
    'Counting objects:  33% (1/3)\rCounting objects: 100% (3/3), done.',
    'Delta compression using up to 2 threads',
    'Writing objects: 100% (3/3), 225 bytes | 225.00 KiB/s, done.',
    'Total 3 (delta 0), reused 0 (delta 0), pack-reused 0',
    'remote: Resolving deltas: 100% (1/1), done.',
    'remote: Counting objects: 3, done.',
    'remote: error: this is the reason',
    'remote: Reason: 12 commits lack a ticket',
    'fatal: the remote end has had enough: 3 of 4',
  ];
  t.equal(withoutProgress(said.join('\n')), [said.at(-3), said.at(-2), said.at(-1)].join('\n'));
});

t.test('starts no program with a password or a token in its arguments', async (t) => {
  for (const address of ['https://user:hunter2@127.0.0.1:1/x', 'https://hunter2@h/x', 'ssh://git:hunter2@h/x']) {
    const refused = await lsRemote(address);
    t.match(refused, { code: 'refused', exitCode: 8, hint: /replace it/ });
    t.notMatch(`${refused?.message} ${refused?.hint}`, /hunter2/);
  }
});

t.test('tells of what git says nothing that is a secret', async (t) => {
  const told = (stderr: string) => gitFailure(['fetch'], { exitCode: 128, stdout: '', stderr }).message;
  t.equal(
    told("fatal: unable to access 'https://u:hun@ter2@h/x/': The requested URL returned error: 418"),
    "cannot fetch with git: unable to access 'https://[secret]@h/x/': The requested URL returned error: 418",
  );
  learnSecret('a token of our own');
  t.equal(told(`remote: ${'x'.repeat(280)} a token of our own`).slice(-12), 'xxx [secret]');
});

t.test('tells an unreachable remote apart from a refused one', async (t) => {
  t.match(await lsRemote('https://127.0.0.1:1/x'), { code: 'audit-unreachable', exitCode: 7, hint: /ls-remote/ });
  t.match(await lsRemote('/nowhere/at/all'), { code: 'audit-unreachable' });
  t.match(await lsRemote('ssh://127.0.0.1:1/x'), { code: 'audit-unreachable', message: /[Cc]onnection refused/ });
});

t.test('runs no helper program that a remote names', async (t) => {
  const flag = join(t.testdir(), 'ran');
  t.match(await lsRemote(`ext::touch ${flag}`), { code: 'refused' });
  t.notOk(existsSync(flag));
});

t.test('is not changed by hooks, nor by settings of the machine or the user', async (t) => {
  const folder = t.testdir({ home: { '.gitconfig': '[user]\n\tname = Somebody Else\n[commit]\n\tgpgSign = true\n' } });
  const repository = join(folder, 'r');
  await runGit(['init', '--quiet', repository], { cwd: folder });
  const hook = join(repository, '.git', 'hooks-of-ours');
  execFileSync('mkdir', ['-p', hook]);
  writeFileSync(join(hook, 'post-commit'), `#!/bin/sh\ntouch ${join(folder, 'hooked')}\n`);
  chmodSync(join(hook, 'post-commit'), 0o755);
  execFileSync('git', ['-C', repository, 'config', 'core.hooksPath', hook]);
  const env = {
    HOME: join(folder, 'home'),
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a',
  };
  await runGit(['commit', '--quiet', '--allow-empty', '-m', 'x'], { cwd: repository, env });
  t.notOk(existsSync(join(folder, 'hooked')));
  t.equal(
    (await runGit(['config', '--get', '--default', 'none', 'user.name'], { cwd: repository, env })).trim(),
    'none',
  );
});

t.test('a branch that is not there yet is a value, and a lost race to push is one, too', async (t) => {
  const folder = t.testdir();
  await runGit(['init', '--quiet', '--bare', 'remote.git'], { cwd: folder });
  await runGit(['init', '--quiet', '--bare', 'local.git'], { cwd: folder });
  const target = { repository: join(folder, 'local.git'), remote: join(folder, 'remote.git'), branch: 'main' };
  t.equal(await fetchBranch(target), undefined);
  const tree = (await runGit(['mktree'], { cwd: target.repository })).trim();
  const commit = async (message: string) => {
    const env = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a' };
    return (await runGit(['commit-tree', tree, '-m', message], { cwd: target.repository, env })).trim();
  };
  const [one, two] = [await commit('one'), await commit('two')];
  t.equal(await pushBranch(target, one), 'pushed');
  t.equal(await fetchBranch(target), one);
  t.equal(await pushBranch(target, two), 'outrun');
  const hook = join(target.remote, 'hooks', 'pre-receive');
  execFileSync('mkdir', ['-p', join(target.remote, 'hooks')]);
  writeFileSync(hook, '#!/bin/sh\nexit 1\n');
  chmodSync(hook, 0o755);
  const next = (
    await runGit(['commit-tree', tree, '-p', one, '-m', 'x'], {
      cwd: target.repository,
      env: { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a' },
    })
  ).trim();
  await t.rejects(pushBranch(target, next), { code: 'refused', exitCode: 8 });
});
