import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { manifestPath } from '../../lib/audit/paths.ts';
import { repositoryFiles } from '../../lib/audit/repository-files.ts';
import type { SignedManifest } from '../../lib/model/manifest.ts';
import { rememberedHead } from '../../lib/report/audit-issue.ts';
import { bundleTasks } from '../fixture/bundle.ts';
import { withExampleKeys } from '../fixture/example-recipients.ts';
import { githubIssues } from '../fixture/github-issues.ts';
import { GITHUB_TOKEN, SELF, startGitHub } from '../fixture/github-server.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { type Signer, signerOf } from '../fixture/signer.ts';
import { type JobEnd, type Occasion, readWorkflow, runJob, type Workflow } from '../fixture/workflow.ts';
import { temporaryFolder } from '../temporary.ts';

const root = new URL('../../', import.meta.url).pathname;
const ofInventory = readWorkflow(join(root, '.github/workflows/audit.yml'));
const KEY = 'a deploy key';

t.jobs = 2;
const buffered = { buffered: true };

const git = (cwd: string, ...words: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...words], {
    cwd,
    encoding: 'utf8',
  }).trim();

const { path: template, remove } = temporaryFolder();
t.teardown(remove);

/** The project with an inventory that lets two hosts sign, in a repository. Returns its commit. */
const project = (async () => {
  const signers = [await signerOf(t, 'db1'), await signerOf(t, 'db2')] as const;
  execFileSync('cp', ['-a', 'lib', 'tasks', 'inventory', 'package.json', '.npmrc', '.gitignore', template], {
    cwd: root,
  });
  writeFileSync(join(template, 'inventory/signers/allowed_signers'), signers.map(({ line }) => line).join(''));
  git(template, 'init', '-q', '--template=', '-b', 'main');
  return { signers, commit: commitAll(template) };
})();

function commitAll(folder: string): string {
  git(folder, 'add', '-A');
  git(folder, 'commit', '-qm', 'x', '--allow-empty');
  return git(folder, 'rev-parse', 'HEAD');
}

const NPM = `#!/bin/sh
[ "$*" = 'ci --omit=dev' ] || exit 64
ln -s '${root}node_modules' node_modules
`;

/** The tasks of the checkout, bundled: they start in a third of the time. */
const npx = (bundle: string) => `#!/bin/sh
[ "$1" = zx ] && [ -e "$2" ] || exit 64
task=$(basename "$2" .ts)
shift 2
[ ! -e "${bundle}/$task.mjs" ] || exec node "${bundle}/$task.mjs" "$@"
NODE_OPTIONS='--import=coffre/typescript --disable-warning=ExperimentalWarning' exec node_modules/.bin/zx "tasks/$task.ts" "$@"
`;

/** An audit repository at GitHub, with hosts that publish to it, and a workflow that watches it. */
async function world(t: Test, form: 'audit' | 'inventory') {
  const { signers, commit } = await project;
  const [db1, db2] = [signers[0].branch(), signers[1].branch()];
  const folder = t.testdir({ audit: {}, programs: { npm: NPM, npx: npx(await bundleTasks()) } });
  const [audit, programs] = [join(folder, 'audit'), join(folder, 'programs')];
  for (const program of ['npm', 'npx']) chmodSync(join(programs, program), 0o755);
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(audit, path)), { recursive: true });
    writeFileSync(join(audit, path), content);
  };
  const files = await repositoryFiles({
    branch: 'main',
    allowedSigners: signers.map(({ line }) => line).join(''),
    watchdog: {
      software: { repository: 'acme/backups', commit },
      inventory: { repository: 'acme/backups', branch: 'main', folder: 'inventory' },
    },
  });
  for (const [path, content] of files) write(path, content);
  git(audit, 'init', '-q', '--template=', '-b', 'main');
  commitAll(audit);
  const publish = async (signer: Signer, hoursAgo: number): Promise<SignedManifest> => {
    const startedAt = new Date(Math.floor(Date.now() / 1000 - hoursAgo * 3600) * 1000);
    const recipients = withExampleKeys(manifestOf(signer.host, startedAt));
    const signed = await signer.next(startedAt, { recipients });
    const path = manifestPath(signed.manifest.host, signed.manifest.run);
    write(path, signed.bytes);
    write(`${path}.sig`, signed.signature);
    commitAll(audit);
    return signed;
  };
  const workflow: Workflow = form === 'inventory' ? ofInventory : parse(files.get('.github/workflows/audit.yml') ?? '');
  const repository = form === 'inventory' ? 'acme/backups' : 'acme/backup-audit';
  const stored = githubIssues(repository);
  const server = await startGitHub([stored.part]);
  t.teardown(() => server.close());
  const hosted = { 'acme/backups': { folder: template, key: KEY }, 'acme/backup-audit': { folder: audit, key: KEY } };
  let runs = 0;
  /** One run of the workflow: each job that GitHub would start. */
  const run = async (changes: Partial<Occasion> = {}) => {
    runs += 1;
    const occasion: Occasion = {
      ...{ origin: form === 'inventory' ? template : audit, repository, others: hosted },
      ...{ folder: join(folder, `run${runs}`), programs, apiUrl: server.apiUrl, token: GITHUB_TOKEN },
      sha: git(form === 'inventory' ? template : audit, 'rev-parse', 'HEAD'),
      secrets: { COFFRE_INVENTORY_KEY: KEY, COFFRE_AUDIT_KEY: KEY },
      vars: form === 'inventory' ? { COFFRE_AUDIT_REPOSITORY: 'acme/backup-audit' } : {},
      event: { name: 'schedule', payload: { repository: { fork: false } } },
      ...changes,
    };
    const before = server.requests.length;
    const validate = await runJob(workflow, 'validate', occasion);
    const wrote = server.requests.slice(before).filter((asked) => !/^(GET |POST \/graphql$)/.test(asked));
    t.same(wrote, [], 'the job that reads what anybody may have pushed writes nothing');
    const needs = { needs: { validate } };
    const [issues, page] = [
      await runJob(workflow, 'issues', { ...occasion, ...needs }),
      await runJob(workflow, 'page', { ...occasion, ...needs }),
    ];
    for (const { log, summary } of [validate, issues, page]) t.notMatch(log + summary, GITHUB_TOKEN);
    return { validate, issues, page, folder: occasion.folder };
  };
  const open = () => stored.issues.filter(({ state }) => state === 'open').map(({ title }) => title);
  return { audit, db1, db2, publish, write, run, stored, server, open };
}

const results = ({ validate, issues, page }: Record<'validate' | 'issues' | 'page', JobEnd>) =>
  [validate, issues, page].map(({ result }) => result);

t.test('in the audit repository: a red night, a green one, and a history that is cut back', buffered, async (t) => {
  const { audit, db1, db2, publish, write, run, stored, server, open } = await world(t, 'audit');
  await publish(db1, 1);
  await publish(db2, 72);
  write('notes @octocat `x`.txt', 'x');
  commitAll(audit);

  const red = await run({ event: { name: 'push', payload: { ref: 'refs/heads/main', repository: { fork: false } } } });
  t.strictSame(results(red), ['failure', 'success', 'skipped'], red.validate.log + red.issues.log);
  t.match(red.validate.log, '::notice title=No head is known::');
  t.match(red.validate.steps, { validate: 'failure', page: 'success', 'keep the page': 'success' });
  t.match(
    readFileSync(join(red.folder, 'artifacts/page/index.html'), 'utf8'),
    /<h1>1 of 2 hosts is recoverable as of .*; db2 is not: no good run since /,
  );
  t.strictSame(open(), ['coffre: the audit repository', 'coffre: db2']);
  t.ok(stored.issues.every(({ login, labels }) => login === SELF && labels.includes('coffre')));
  t.match(stored.issues[0]?.body, '\nerror: notes @octocat `x`.txt: it does not belong here (belongs)\n');
  t.equal(rememberedHead(stored.issues[0]?.body ?? ''), git(audit, 'rev-parse', 'HEAD'));

  git(audit, 'rm', '-q', 'notes @octocat `x`.txt');
  await publish(db2, 1);
  const good = git(audit, 'rev-parse', 'HEAD');
  await publish(db1, 0);
  const green = await run({ vars: { COFFRE_PAGES: 'on' } });
  t.strictSame(results(green), ['success', 'success', 'success'], green.validate.log + green.issues.log);
  t.notMatch(green.validate.log, '::notice');
  t.match(readFileSync(join(green.folder, 'published/index.html'), 'utf8'), /<h1>All 2 hosts are recoverable as of /);
  t.notOk(existsSync(join(green.folder, 'artifacts/page')), 'it is kept in one place');
  t.strictSame(open(), []);
  t.match(stored.issues, [{}, { comments: [{ body: /^Green at commit / }] }]);

  const head = git(audit, 'rev-parse', 'HEAD');
  git(audit, 'reset', '-q', '--hard', good);
  const cut = await run();
  t.strictSame(results(cut), ['failure', 'success', 'skipped'], cut.validate.log);
  t.strictSame(open(), ['coffre: the audit repository']);
  t.match(stored.issues[0]?.body, 'the history does not contain the head that was known before (append-only)');
  t.equal(rememberedHead(stored.issues[0]?.body ?? ''), head, 'the head before is what it is still compared with');
  t.equal(stored.issues.length, 2);
  t.same(server.complaints, []);
});

t.test("in the inventory's repository: out of the hosts' reach", buffered, async (t) => {
  const { db1, publish, run, open } = await world(t, 'inventory');
  await publish(db1, 1);
  const { validate, issues, page } = await run();
  t.strictSame(results({ validate, issues, page }), ['failure', 'success', 'skipped'], validate.log + issues.log);
  t.strictSame(open(), ['coffre: db2'], 'the host that has never published anything');
});

t.test('a fork, or a repository that names no audit repository, does nothing', buffered, async (t) => {
  for (const form of ['audit', 'inventory'] as const) {
    const { run, server } = await world(t, form);
    const fork = await run({ event: { name: 'schedule', payload: { repository: { fork: true } } } });
    t.strictSame(results(fork), ['skipped', 'skipped', 'skipped'], form);
    if (form === 'inventory') t.strictSame(results(await run({ vars: {} })), ['skipped', 'skipped', 'skipped']);
    t.same(server.requests, []);
  }
});

t.test('without the key nothing is judged, and nobody is told that all is well', buffered, async (t) => {
  for (const form of ['audit', 'inventory'] as const) {
    const { run, server } = await world(t, form);
    t.strictSame(results(await run({ secrets: {} })), ['failure', 'skipped', 'skipped'], form);
    t.same(server.requests, []);
  }
});

t.test('both forms are one workflow but for where they find things, and who may do what is the same', async (t) => {
  const files = await repositoryFiles({
    branch: 'main',
    allowedSigners: '',
    watchdog: {
      software: { repository: 'acme/coffre', commit: 'c'.repeat(40) },
      inventory: { repository: 'acme/backups', branch: 'live', folder: 'fleet/inventory' },
    },
  });
  const text = files.get('.github/workflows/audit.yml') ?? '';
  t.notMatch(text, /@[a-z-]+@/, 'everything is filled in');
  const ofAudit = parse(text) as Workflow;
  for (const workflow of [ofAudit, ofInventory]) {
    t.strictSame(Object.keys(workflow.on), ['schedule', 'push', 'workflow_dispatch'], 'never for a pull request');
    t.strictSame(workflow.permissions, {});
    const permissions = Object.entries(workflow.jobs).map(([name, job]) => [name, job.permissions]);
    t.strictSame(Object.fromEntries(permissions), {
      validate: { contents: 'read', issues: 'read' },
      issues: { contents: 'read', issues: 'write' },
      page: { pages: 'write', 'id-token': 'write' },
    });
  }
  const minute = /^(\d+) \*\/3 \* \* \*$/.exec((ofAudit.on.schedule as { cron: string }[])[0]?.cron ?? '')?.[1];
  t.equal(Number(minute) % 2, 1, 'an odd minute');
  const common = ({ jobs }: Workflow) =>
    Object.entries(jobs).map(([name, { if: _, steps, ...job }]) => {
      const own = steps.filter(({ uses }) => !uses?.startsWith('actions/checkout'));
      const inventory = (script = '') => script.replace(/--inventory \S+/, '--inventory …');
      return { name, ...job, steps: own.map((step) => ({ ...step, run: inventory(step.run) })) };
    });
  t.strictSame(common(ofAudit), common(ofInventory));
  t.match(text, "--inventory '../inventory/fleet/inventory'");
  t.match(text, 'secrets.COFFRE_SOFTWARE_KEY');
  t.match(ofAudit.jobs.validate?.steps[2]?.with, { repository: 'acme/backups', ref: 'live' });
});
