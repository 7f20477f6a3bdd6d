import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startEmbeddedWorld } from '../../lib/flow/embedded-world.ts';
import { readPlans } from '../../lib/flow/read-plans.ts';
import { formatPlanComment, PLAN_MARKER } from '../../lib/report/plan-comment.ts';
import { GITHUB_TOKEN, SELF, startGitHub } from '../fixture/github-server.ts';
import { type Occasion, readWorkflow, runJob } from '../fixture/workflow.ts';
import { worldKeys } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

const root = new URL('../../', import.meta.url).pathname;
const workflow = readWorkflow(join(root, '.github/workflows/provision.yml'));
const HEAD = 'a'.repeat(40);
const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END OPENSSH PRIVATE KEY-----';
const SIGNER =
  'db1 namespaces="coffre-manifest" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOfqDV+eWJdEMFZk0YOH7jJvKTzDUxKUEcM2i/WhR6Wv';

t.jobs = 2;
const buffered = { buffered: true };

const { path: template, remove } = temporaryFolder();
t.teardown(remove);
makeTemplate();

/** The project in a repository, in one pack: each test and each of its jobs has a copy, and files are what a copy costs. */
function makeTemplate(): void {
  const parts = ['lib', 'tasks', 'inventory', 'package.json', '.npmrc', '.gitignore'];
  execFileSync('cp', ['-a', ...parts, template], { cwd: root });
  execFileSync('git', ['init', '-q', '--template='], { cwd: template });
  commit(template);
  execFileSync('git', ['repack', '-adq'], { cwd: template });
}

function commit(folder: string): void {
  execFileSync('git', ['add', '-A'], { cwd: folder });
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@localhost'];
  execFileSync('git', [...who, 'commit', '-qm', 'x'], { cwd: folder });
}

/**
 * A clone as the runner has it, and for `npm ci` the packages here. Without an inventory of real hosts a stand-in takes
 * the place of the task that needs them: it can be ordered to fail.
 */
async function world(
  t: Test,
  kind: 'push' | 'pull_request',
  { orders = {}, fork = false, secrets = {}, npx = NPX, inventory = '' } = {},
) {
  const folder = t.testdir({ origin: {}, programs: { npm: NPM, ...(npx ? { npx } : {}) } });
  const [origin, programs] = [join(folder, 'origin'), join(folder, 'programs')];
  for (const program of readdirSync(programs)) chmodSync(join(programs, program), 0o755);
  execFileSync('cp', ['-a', `${template}/.`, origin]);
  if (inventory !== '') {
    rmSync(join(origin, 'inventory'), { recursive: true });
    cpSync(inventory, join(origin, 'inventory'), { recursive: true });
  } else {
    const standIn = readFileSync(join(root, 'test/fixture/provision-stand-in.ts'), 'utf8');
    writeFileSync(join(origin, 'tasks/provision.ts'), standIn.replaceAll("'../../", "'../"));
    writeFileSync(join(origin, 'stand-in.json'), JSON.stringify({ key: KEY, ...orders }));
  }
  commit(origin);
  const server = await startGitHub();
  t.teardown(() => server.close());
  const head = { sha: HEAD, repo: { full_name: fork ? 'mallory/backups' : 'acme/backups' } };
  const payload = kind === 'push' ? { ref: 'refs/heads/main' } : { number: 7, pull_request: { number: 7, head } };
  const occasion: Occasion = {
    ...{ origin, folder, programs, secrets, apiUrl: server.apiUrl, token: GITHUB_TOKEN, sha: 'b'.repeat(40) },
    event: { name: kind, payload },
  };
  return { server, occasion, folder };
}

const NPM = `#!/bin/sh
[ "$*" = 'ci --omit=dev' ] || exit 64
ln -s '${root}node_modules' node_modules
`;

/** The same without a second of npm's own. */
const NPX = `#!/bin/sh
[ "$1" = zx ] && shift || exit 64
NODE_OPTIONS='--import=coffre/typescript --disable-warning=ExperimentalWarning' exec node_modules/.bin/zx "$@"
`;

/** Whether any file that a job has left holds the key; what stand-in.json itself says does not count. */
function holdsKey(folder: string): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'stand-in.json' && !entry.parentPath.includes('.git'))
    .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes('c2VjcmV0c2VjcmV0'));
}

t.test('a pull request is answered with the plan of every host', buffered, async (t) => {
  const { server, occasion, folder } = await world(t, 'pull_request', {
    secrets: { COFFRE_PLAN_SSH_KEY: KEY },
    npx: '',
  });
  const plan = await runJob(workflow, 'plan', occasion);
  t.match(plan, { result: 'failure', outputs: { planned: 'yes' } }, 'a host that cannot be planned is red');
  t.match(plan.steps, { plan: 'failure', 'hand the plan on': 'success', 'remove the key': 'success' });
  t.equal(plan.steps['validate the inventory'], 'skipped');
  t.notOk(existsSync(join(folder, 'plan/temp/control')));
  t.notOk(holdsKey(folder), 'the key is nowhere');
  t.same(server.requests, [], 'the job with the key says nothing to GitHub');

  const comment = await runJob(workflow, 'comment', { ...occasion, needs: { plan }, secrets: {} });
  t.equal(comment.result, 'success', comment.log);
  t.match(comment.log, 'created: https://');
  t.notMatch(comment.log, GITHUB_TOKEN);
  t.equal(server.comments.length, 1);
  const { login, body } = server.comments[0] ?? { login: '', body: '' };
  t.equal(login, SELF);
  t.ok(body.startsWith(PLAN_MARKER));
  t.ok(body.endsWith(`Planned at commit ${HEAD}\n`), "the head of the branch, not GitHub's own merge");
  t.match(body, /<code>db1<\/code> \| 1 \| 0 \| 0 \| 1 \|/);
  t.match(body, /<code>db2<\/code> \| \| \| \| error: /);
  t.notOk(readdirSync(join(folder, 'plan/work')).includes('pwned'));
  t.same(server.complaints, []);
});

t.test(
  'a real host is planned by a pull request and changed by the merge, signing key and all',
  buffered,
  async (t) => {
    const { path, remove } = temporaryFolder();
    const host = await startEmbeddedWorld({ folder: path, bare: true, keys: await worldKeys() });
    t.teardown(() => host.stop().then(remove));
    const file = join(host.inventoryFolder, 'hosts/db1.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^ {2}identity: .*\n/m, ''));
    mkdirSync(join(host.inventoryFolder, 'signers'));
    writeFileSync(join(host.inventoryFolder, 'signers/allowed_signers'), '');
    const key = readFileSync(join(path, 'host/sshd/identity_ed25519'), 'utf8').trimEnd();
    const secrets = { COFFRE_PLAN_SSH_KEY: key, COFFRE_SSH_KEY: key };

    const pull = await world(t, 'pull_request', { secrets, inventory: host.inventoryFolder });
    const plan = await runJob(workflow, 'plan', pull.occasion);
    t.equal(plan.result, 'success', plan.log);
    const planned = await readPlans(join(pull.folder, 'artifacts/plan/plan.jsonl'));
    t.match(formatPlanComment(planned, HEAD), /<code>db1<\/code> \| 1[0-9] \| 0 \| 0 \|/);
    t.notOk(existsSync(join(path, 'host/opt')), 'the host is as it was');

    const push = await world(t, 'push', { secrets, inventory: host.inventoryFolder });
    const apply = await runJob(workflow, 'apply', push.occasion);
    t.match(apply.steps, { apply: 'success', 'new signing keys': 'failure', 'keep the new signing keys': 'success' });
    t.match(apply.summary, /^\+db1 namespaces="coffre-manifest" ssh-ed25519 /m);
    t.ok(existsSync(join(path, 'host/opt/coffre/current/coffre')));
    t.ok(existsSync(join(path, 'host/etc/cron.d/coffre')));
  },
);

t.test('a wrong inventory is red, and the comment says why', buffered, async (t) => {
  const { occasion, folder } = await world(t, 'pull_request', { secrets: { COFFRE_PLAN_SSH_KEY: KEY } });
  writeFileSync(join(occasion.origin, 'inventory/hosts/db1.yaml'), 'shcedule: "@octocat"\n');
  const plan = await runJob(workflow, 'plan', occasion);
  t.equal(plan.steps.plan, 'failure');
  t.match(plan.outputs, { planned: 'yes' }, 'the comment is asked for');
  const result = await readPlans(join(folder, 'artifacts/plan/plan.jsonl'));
  t.match(formatPlanComment(result, HEAD), /### No plan\n\nerror: .*```text\n.*shcedule/s);
});

t.test(
  'a pull request from a fork has its inventory validated, and is told why there is no plan',
  buffered,
  async (t) => {
    const { server, occasion } = await world(t, 'pull_request', { fork: true });
    const plan = await runJob(workflow, 'plan', occasion);
    t.equal(plan.result, 'success', plan.log);
    t.match(plan.summary, 'No plan of the hosts: a pull request from a fork gets no secrets.');
    t.match(plan.log, /::notice title=No plan of the hosts::a pull request from a fork/);
    t.match(plan.steps, { 'validate the inventory': 'success', plan: 'skipped', 'hand the plan on': 'skipped' });
    t.equal((await runJob(workflow, 'comment', { ...occasion, needs: { plan } })).result, 'skipped');

    writeFileSync(join(occasion.origin, 'inventory/hosts/db1.yaml'), 'shcedule: x\n');
    const wrong = await runJob(workflow, 'plan', { ...occasion, folder: join(occasion.folder, 'wrong') });
    t.equal(wrong.steps['validate the inventory'], 'failure');
    t.match(wrong.log, /shcedule/);
    t.same(server.requests, []);
  },
);

t.test('what is merged is applied with the key of production', buffered, async (t) => {
  const secrets = { COFFRE_SSH_KEY: KEY, COFFRE_PLAN_SSH_KEY: 'another' };
  const { server, occasion, folder } = await world(t, 'push', { secrets });
  for (const job of ['plan', 'comment']) t.equal((await runJob(workflow, job, occasion)).result, 'skipped');
  const apply = await runJob(workflow, 'apply', occasion);
  t.equal(apply.result, 'success', apply.log);
  t.match(apply.log, /^applied$/m);
  t.match(apply.steps, { 'new signing keys': 'success', 'keep the new signing keys': 'skipped' });
  t.notOk(holdsKey(folder));
  t.same(server.requests, []);

  const bare = await runJob(workflow, 'apply', { ...occasion, folder: join(folder, 'bare'), secrets: {} });
  t.match(bare.steps, { key: 'failure', apply: 'skipped', 'remove the key': 'success' });
  t.match(bare.log, /::error title=Nothing applied::set the secret COFFRE_SSH_KEY/);
});

t.test('a new signing key is kept, shown and asked for, also when another host failed', buffered, async (t) => {
  const orders = { newSigner: SIGNER, exitCode: 7 };
  const { occasion, folder } = await world(t, 'push', { orders, secrets: { COFFRE_SSH_KEY: KEY } });
  const apply = await runJob(workflow, 'apply', occasion);
  t.match(apply.steps, { apply: 'failure', 'remove the key': 'success', 'new signing keys': 'failure' });
  t.equal(apply.steps['keep the new signing keys'], 'success');
  t.match(apply.log, /::error title=Commit the new signing keys::inventory\/signers\/allowed_signers/);
  t.ok(apply.summary.includes(`\n+${SIGNER}\n`));
  t.match(readFileSync(join(folder, 'artifacts/allowed_signers/allowed_signers'), 'utf8'), SIGNER);
  t.notOk(holdsKey(folder));
});

t.test('the job with the key may write nothing, and the one that may write has no key', async (t) => {
  const { plan, comment, apply } = workflow.jobs;
  t.same(plan?.permissions, { contents: 'read' });
  t.same(apply?.permissions, { contents: 'read' });
  t.same(comment?.permissions, { contents: 'read', 'pull-requests': 'write' });
  t.notMatch(JSON.stringify(comment), 'secrets.');
  t.notMatch(JSON.stringify(plan), 'COFFRE_SSH_KEY');
  t.equal(apply?.environment, 'production');
  t.match(workflow.concurrency?.['cancel-in-progress'], "github.event_name == 'pull_request'");
  const text = readFileSync(join(root, '.github/workflows/provision.yml'), 'utf8').replace(/^#.*$/gm, '');
  t.notMatch(text, 'pull_request_target');
});
