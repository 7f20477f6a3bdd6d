import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { placeOf } from '../../lib/audit/paths.ts';
import { type AuditInitOrder, auditInit } from '../../lib/flow/audit-init.ts';
import { validate } from '../../lib/flow/validate.ts';
import { watchdogSources } from '../../lib/flow/watchdog-sources.ts';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { readInventory } from '../../lib/inventory/read.ts';
import type { Change } from '../../lib/model/plan.ts';
import { formatAuditInit } from '../../lib/report/audit-init-result.ts';
import { systemClock } from '../../lib/system/clock.ts';
import { temporaryFolder } from '../temporary.ts';

const root = new URL('../../', import.meta.url).pathname;
const SIGNER =
  'db1 namespaces="coffre-manifest" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOfqDV+eWJdEMFZk0YOH7jJvKTzDUxKUEcM2i/WhR6Wv\n';
const SOURCES = { software: `acme/backups@${'c'.repeat(40)}`, inventory: 'acme/backups@main' };

const git = (cwd: string, ...words: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...words], {
    ...{ cwd, encoding: 'utf8' as const },
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();

t.jobs = 3;
const buffered = { buffered: true };

/** An inventory that names a bare repository, empty so far. */
async function world(t: Test, { hostKey = '', identity = '', remoteOf = (bare: string) => bare } = {}) {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const [bare, inventoryFolder] = [join(folder, 'audit.git'), join(folder, 'inventory')];
  git(folder, 'init', '-q', '--bare', '--template=', '-b', 'main', bare);
  cpSync(join(root, 'inventory'), inventoryFolder, { recursive: true });
  writeFileSync(join(inventoryFolder, 'signers/allowed_signers'), SIGNER);
  const defaults = join(inventoryFolder, 'defaults.yaml');
  const text = readFileSync(defaults, 'utf8')
    .replace(/^ {2}(remote|identity|hostKey): .*\n/gm, '')
    .replace('  kind: git\n', `  kind: git\n  remote: ${JSON.stringify(remoteOf(bare))}\n${hostKey}${identity}`);
  writeFileSync(defaults, text);
  const inventory = await readInventory(inventoryFolder);
  const plans: (readonly Change[])[] = [];
  const init = (order: Partial<AuditInitOrder> = {}) =>
    auditInit({
      ...{ inventory, sources: SOURCES, dryRun: false, clock: systemClock },
      emit: (event) => event.kind === 'changes' && plans.push(event.changes),
      ...order,
    });
  const work = join(folder, 'work');
  /** A clone with a work tree, in which somebody works. Its `push` brings everything there. */
  const clone = () => {
    rmSync(work, { recursive: true, force: true });
    git(folder, 'clone', '-q', bare, work);
    git(work, 'symbolic-ref', 'HEAD', 'refs/heads/main');
    return work;
  };
  const push = (branch = 'main') => {
    git(work, 'add', '-A');
    git(work, 'commit', '-qm', 'by hand', '--allow-empty');
    git(work, 'push', '-q', 'origin', `HEAD:refs/heads/${branch}`);
  };
  const files = () => git(bare, 'ls-tree', '-r', '--name-only', 'main').split('\n');
  return { folder, bare, inventory, init, plans, clone, work, push, files };
}

t.test('an empty repository gets its files in one commit, after the plan was told', buffered, async (t) => {
  const { bare, inventory, init, plans, files } = await world(t);
  const dry = await init({ dryRun: true });
  t.equal(dry.commit, null);
  t.match(formatAuditInit(dry), 'this was a dry run: nothing has been pushed');
  t.equal(git(bare, 'for-each-ref'), '');

  const made = await init();
  t.strictSame(files(), ['.gitattributes', '.github/workflows/audit.yml', 'README.md', 'allowed_signers']);
  t.equal(git(bare, 'rev-list', '--count', 'main'), '1');
  t.equal(git(bare, 'rev-parse', 'main'), made.commit);
  t.strictSame(
    plans.map((changes) => changes.map(({ action, name }) => `${action} ${name}`).sort()),
    Array(2).fill(files().map((path) => `create ${path}`)),
  );
  t.equal(`${git(bare, 'show', 'main:allowed_signers')}\n`, SIGNER);
  t.match(git(bare, 'show', 'main:.github/workflows/audit.yml'), `ref: '${'c'.repeat(40)}'`);
  t.ok(
    files().every((path) => placeOf(path) === 'other'),
    'all of it belongs there',
  );
  const { findings } = await validate({ inventory, source: { location: bare }, clock: systemClock });
  t.strictSame([...new Set(findings.map(({ rule }) => rule))], ['freshness'], 'and validate says so, too');

  const again = await init();
  t.match(again, { changes: [], commit: null });
  t.match(formatAuditInit(again), 'everything is as it should be\n');
  t.equal(git(bare, 'rev-list', '--count', 'main'), '1');
});

t.test('an audit repository is brought up to date, and its records stay', buffered, async (t) => {
  const { bare, init, plans, clone, work, push, files } = await world(t);
  await init();
  clone();
  const record = 'manifests/db1/2026/2026-11-22T040000Z.json';
  mkdirSync(join(work, 'manifests/db1/2026'), { recursive: true });
  writeFileSync(join(work, record), '{}');
  writeFileSync(join(work, 'LICENSE'), 'ours');
  writeFileSync(join(work, 'README.md'), 'changed by hand\u001b[31m\n');
  rmSync(join(work, 'allowed_signers'));
  symlinkSync('/etc/passwd', join(work, 'allowed_signers'));
  push();
  const { changes, commit } = await init();
  t.match(changes, [
    { action: 'change', name: 'README.md' },
    { action: 'change', name: 'allowed_signers' },
  ]);
  t.ok(plans.at(-1)?.[0]?.lines.includes('-changed by hand\u001b[31m'));
  t.match(git(bare, 'ls-tree', 'main', 'allowed_signers'), /^100644 /);
  t.ok(files().includes(record));
  t.equal(git(bare, 'show', 'main:LICENSE'), 'ours');
  t.equal(git(bare, 'rev-parse', 'main~1'), git(work, 'rev-parse', 'HEAD'), 'on top of what was there');
  t.equal(git(bare, 'rev-parse', 'main'), commit);
});

t.test('a host that pushes at the same moment loses nothing', buffered, async (t) => {
  const { bare, init, clone, work, push, files } = await world(t);
  clone();
  let pushed = false;
  await init({
    emit: () => {
      if (pushed) return;
      pushed = true;
      mkdirSync(join(work, 'manifests/db1/2026'), { recursive: true });
      writeFileSync(join(work, 'manifests/db1/2026/2026-11-22T040000Z.json'), '{}');
      push();
    },
  });
  t.equal(files().length, 5);
  t.equal(git(bare, 'rev-parse', 'main~1'), git(work, 'rev-parse', 'HEAD'));
});

t.test('a repository of something else is refused, and stays as it is', buffered, async (t) => {
  for (const [path, branch, message] of [
    ['src/x.ts', 'main', /belong to something else/],
    ['README.md', 'main', /it is not empty, and nothing in it is a record/],
    ['README.md', 'other', /it has no branch main, but other/],
  ] as const) {
    const { bare, init, clone, work, push } = await world(t);
    clone();
    mkdirSync(join(work, 'src'));
    writeFileSync(join(work, path), 'x');
    push(branch);
    const before = git(bare, 'for-each-ref');
    await t.rejects(init(), { code: 'refused', message, hint: /empty repository/ });
    t.equal(git(bare, 'for-each-ref'), before);
  }
});

t.test('over SSH, with the key and the host key that the inventory names', buffered, async (t) => {
  const { path, remove } = temporaryFolder();
  const sshd = await startThrowawaySshd({ folder: path, sftpOnly: false });
  t.teardown(() => sshd.stop().then(remove));
  const { address, port, user, identityPath } = sshd;
  const remoteOf = (bare: string) => `ssh://${user}@${address}:${port}${bare}`;
  const access = (hostKey: string) => ({
    ...{ remoteOf, hostKey: `  hostKey: ${hostKey}\n`, identity: `  identity: ${identityPath}\n` },
  });
  const { bare, init, files } = await world(t, access(sshd.hostKey));
  const { commit, remote, noWorkflow, github } = await init({ sources: {} });
  t.equal(git(bare, 'rev-parse', 'main'), commit);
  t.match({ remote, github, noWorkflow }, { remote: /^ssh:\/\//, github: null, noWorkflow: /not at GitHub/ });
  t.notOk(files().some((each) => each.startsWith('.github')));
  const forged = sshd.hostKey.replace(/.{8}$/, 'AAAAAAAA');
  await t.rejects((await world(t, access(forged))).init(), { code: 'host-key' });
});

t.test('a remote that is none, or that tells a password, is refused', buffered, async (t) => {
  const { init } = await world(t);
  for (const [remote, message] of [
    ['ext::sh -c x', /remote/],
    ['https://me:hunter2@git.example.net/x', /a password stands in its address/],
    ['nonsense', /write an absolute path/],
  ] as const) {
    const error = await init({ remote }).then(
      () => t.fail('should have been refused'),
      (reason: Error) => reason,
    );
    t.match(error, { code: 'usage', message });
    t.notMatch(String(error), 'hunter2');
  }
  await t.rejects(init({ branch: '../x' }), { code: 'usage', message: /branch/ });
});

t.test('what the workflow needs is found where the inventory comes from', buffered, async (t) => {
  const { path, remove } = temporaryFolder();
  t.teardown(remove);
  const folder = join(path, 'fleet/inventory');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'x'), '');
  const software = SOURCES.software;
  const without = await watchdogSources(folder, { software });
  t.match(without, { why: /the inventory is in no repository at GitHub/ });
  git(path, 'init', '-q', '--template=', '-b', 'live');
  git(path, 'add', '-A');
  git(path, 'commit', '-qm', 'x');
  git(path, 'remote', 'add', 'origin', 'git@github.com:acme/fleet.git');
  t.strictSame(await watchdogSources(folder, { software }), {
    software: { repository: 'acme/backups', commit: 'c'.repeat(40) },
    inventory: { repository: 'acme/fleet', branch: 'live', folder: 'fleet/inventory' },
  });
  for (const named of ['acme/backups', 'acme/backups@main', 'acme@x', `acme/..@${'c'.repeat(40)}`]) {
    await t.rejects(watchdogSources(folder, { software: named }), { code: 'usage', hint: /such as: acme\/backups@/ });
  }
  await t.rejects(watchdogSources(folder, { software, inventory: "acme/x@'; touch y" }), { code: 'usage' });
  const odd = join(path, "x'y");
  mkdirSync(odd);
  await t.rejects(watchdogSources(odd, { software }), { code: 'usage', message: /folder of the inventory/ });
});
