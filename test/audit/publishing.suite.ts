import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openAuditGitHub } from '../../lib/audit/audit-github.ts';
import { appendToChain } from '../../lib/audit/chain.ts';
import { readGitHubFolder } from '../../lib/audit/github-folder.ts';
import { readOutbox } from '../../lib/audit/outbox.ts';
import { publishOutbox } from '../../lib/audit/publish.ts';
import { readPublished } from '../../lib/audit/read-published.ts';
import { recoverHead } from '../../lib/audit/recover-head.ts';
import { sourceOf } from '../../lib/flow/audit-source.ts';
import type { GitHubAudit } from '../../lib/model/audit-config.ts';
import { publishingContract } from '../contract/publishing.ts';
import { AUDIT_TOKEN, startGitHubRepository } from '../fixture/github-repository.ts';
import { answers, type Trouble, told } from '../fixture/github-server.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { watchProcesses } from '../fixture/process-watch.ts';
import { gitHubRemote, gitRemote } from '../fixture/publishing-remotes.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';

const REPOSITORY = '/repos/acme/backup-audit';
const MOVE = `PATCH ${REPOSITORY}/git/refs/heads`;
const cut: Trouble = (_, response) => response.destroy();

publishingContract(t, 'git', gitRemote);
publishingContract(t, 'github', gitHubRemote);

const clock = { now: () => new Date('2026-11-22T04:10:00Z') };
const day = (n: number) => new Date(Date.UTC(2026, 10, n, 4));

/** A host with one night published, so that the branch is there, and a second one that waits. */
async function world(t: Test) {
  const folder = await temporaryFolder(t);
  const server = await startGitHubRepository(folder);
  t.teardown(() => server.close());
  const secretsFile = join(folder, '.env');
  const setSecrets = (text: string) => writeFile(secretsFile, text, { mode: 0o600 });
  await setSecrets(`COFFRE_GITHUB_TOKEN=${AUDIT_TOKEN}\n`);
  const audit: GitHubAudit = { kind: 'github', repository: 'acme/backup-audit', branch: 'main', api: server.apiUrl };
  const signer = await signerOf(t, 'db1');
  const { stateFolder, host } = signer;
  const chain = { of: 'manifests', host } as const;
  const publish = (changes = {}) =>
    publishOutbox({ ...{ audit, secretsFile, stateFolder, host, clock, secondMs: 5, timeoutMs: 3000 }, ...changes });
  const append = (n: number) =>
    appendToChain(
      stateFolder,
      () => recoverHead({ audit, secretsFile, stateFolder, chain }),
      (link) => signer.sign(manifestOf(host, day(n), link)),
    );
  await append(1);
  t.match(await publish(), { kind: 'published' });
  await append(2);
  const commits = () => Number(execFileSync('git', ['-C', server.bare, 'rev-list', '--count', 'main']));
  return { ...{ folder, server, secretsFile, setSecrets, audit, signer, chain, publish, append, commits } };
}

/** Somebody else is faster by one commit. */
function overtake(bare: string): void {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', bare, '-c', 'user.name=x', '-c', 'user.email=x', ...words], { encoding: 'utf8' }).trim();
  git('update-ref', 'refs/heads/main', git('commit-tree', 'main^{tree}', '-p', 'main', '-m', 'faster'));
}

const limit = (status: number, headers: Readonly<Record<string, string>>, message = 'API rate limit exceeded') =>
  answers(status, told(message), headers);
const reset = (seconds: number) => ({
  'x-ratelimit-remaining': '0',
  'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + seconds),
});
const half: Trouble = (_, response) => {
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"sha":');
  setTimeout(() => response.destroy(), 20);
};
const hang: Trouble = () => undefined;
const REQUESTS = {
  ref: `GET ${REPOSITORY}/git/ref/`,
  commit: `GET ${REPOSITORY}/git/commits/`,
  tree: `GET ${REPOSITORY}/git/trees/`,
  'new blob': `POST ${REPOSITORY}/git/blobs`,
  'new tree': `POST ${REPOSITORY}/git/trees`,
  'new commit': `POST ${REPOSITORY}/git/commits`,
  branch: MOVE,
};
const PASSING: Readonly<Record<string, () => Trouble>> = {
  '500': () => answers(500, told('Server Error')),
  '502': () => answers(502, '<html>bad gateway'),
  '503': () => answers(503, told('Unavailable')),
  'a rate limit with its reset': () => limit(403, reset(2)),
  '429 with retry-after alone': () => limit(429, { 'retry-after': '3' }, 'Too many requests'),
  'a secondary rate limit': () => limit(403, { 'retry-after': '4' }, 'You have exceeded a secondary rate limit.'),
  'a connection that is cut': () => cut,
  'half an answer': () => half,
  'a hang': () => hang,
};

t.test('github: whatever passes, at whichever request, is waited for, and the record lands once', async (t) => {
  const { server, publish, append, commits } = await world(t);
  let n = 2;
  for (const [name, trouble] of Object.entries(PASSING)) {
    for (const beginning of Object.values(REQUESTS)) server.meets(beginning, trouble());
    t.match(await publish({ timeoutMs: 700 }), { kind: 'published', count: 1, tampered: [] }, name);
    t.equal(commits(), n + 1, name);
    n += 1;
    await append(n);
  }
  t.strictSame(server.complaints, []);
});

t.test('github: somebody else is faster, each time another way', async (t) => {
  const { server, publish, append, commits } = await world(t);
  const ways: Readonly<Record<string, Trouble>> = {
    'not a fast forward': answers(422, told('Update is not a fast forward')),
    'a conflict': answers(409, told('Conflict')),
    'words that nobody knows': answers(422, told('Reference update failed')),
  };
  let n = 2;
  for (const [name, answer] of Object.entries(ways)) {
    for (let times = 0; times < 3; times += 1) {
      server.meets(MOVE, (request, response) => {
        overtake(server.bare);
        answer(request, response);
      });
    }
    const before = commits();
    t.match(await publish(), { kind: 'published', count: 1, tampered: [] }, name);
    t.equal(commits(), before + 4, name);
    n += 1;
    await append(n);
  }
  for (let times = 0; times < 2; times += 1) server.meets(MOVE, answers(409, told('Conflict')));
  t.match(await publish({ attempts: 2 }), {
    kind: 'owed',
    error: { code: 'audit-unreachable', message: /faster 2 times/ },
  });
  t.strictSame(server.complaints, []);
});

t.test('github: what lasts is owed, with its reason and what to do, and without the token', async (t) => {
  const { server, publish, signer } = await world(t);
  const { tokens, state } = server;
  const everywhere = (trouble: Trouble) => {
    for (let times = 0; times < 4; times += 1) server.meets(REQUESTS.ref, trouble);
  };
  const lasting: readonly [string, () => void, object][] = [
    ['no answer', () => everywhere(hang), { message: /no answer within 0.2 s/ }],
    ['503', () => everywhere(answers(503, told('x'))), { message: /GitHub answers 503/ }],
    ['limited', () => everywhere(limit(403, reset(1800))), { message: /limits the rate/, hint: /in 1(799|80\d) s/ }],
    ['a wrong token', () => tokens.clear(), { message: /not accept/, hint: /COFFRE_GITHUB_TOKEN of the .env/ }],
    [
      'a token that may read',
      () => tokens.set(AUDIT_TOKEN, 'read'),
      { message: /not accessible/, hint: /Contents: read and write/ },
    ],
    [
      'a token that sees nothing',
      () => tokens.set(AUDIT_TOKEN, 'nothing'),
      { message: /not see it/, hint: /audit.repository/ },
    ],
    [
      'a repository that is archived',
      () => {
        tokens.set(AUDIT_TOKEN, 'write');
        state.isArchived = true;
      },
      { message: /may not do this/ },
    ],
    [
      'somebody in between who answers',
      () => {
        state.isArchived = false;
        everywhere((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>'));
      },
      { message: /something in between/ },
    ],
    [
      'an answer that echoes the token',
      () => everywhere(answers(403, told(`no ${AUDIT_TOKEN} no`))),
      { message: /no \[secret\] no/ },
    ],
  ];
  for (const [name, befalls, error] of lasting) {
    befalls();
    const done = await publish({ timeoutMs: 200 });
    t.match(done, { kind: 'owed', count: 1, error: { code: 'audit-unreachable', ...error } }, name);
    const all = done.kind === 'owed' ? `${done.error.stack} ${JSON.stringify(done.error)} ${done.error.hint}` : '';
    t.notMatch(all, AUDIT_TOKEN);
    t.equal(done.kind === 'owed' && done.error.cause, undefined);
    t.equal((await readOutbox(signer.stateFolder)).length, 1);
    server.calm();
  }
  t.match(await publish(), { kind: 'published', count: 1 });
  t.strictSame(server.complaints, []);
});

t.test('github: stored bytes that are not those that were sent move no branch', async (t) => {
  const { server, publish, commits } = await world(t);
  server.meets(REQUESTS['new blob'], answers(201, { sha: '1'.repeat(40), url: 'https://x' }));
  t.match(await publish(), { kind: 'owed', error: { code: 'verification-failed', message: /something else/ } });
  t.equal(commits(), 2);
});

t.test('github: a renamed repository is found under its new name, with every kind of request', async (t) => {
  const { server, publish, commits } = await world(t);
  server.state.name = 'acme/audit';
  t.match(await publish(), { kind: 'published', count: 1 });
  t.equal(commits(), 3);
  t.ok(server.requests.includes('PATCH /repositories/4711/git/refs/heads%2Fmain'));
  t.strictSame(server.complaints, []);
});

t.test('github: an answer that leads to another server is none, and that one hears nothing', async (t) => {
  const { server, publish } = await world(t);
  const other = await startGitHubRepository(await temporaryFolder(t));
  t.teardown(() => other.close());
  const location = `${other.apiUrl}/repos/acme/backup-audit/git/ref/heads%2Fmain`;
  const heard: (string | undefined)[] = [];
  for (let times = 0; times < 4; times += 1) {
    server.meets(REQUESTS.ref, answers(301, told('Moved Permanently'), { location }));
    other.meets('GET', (request, response) => {
      heard.push(request.headers.authorization);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }
  t.match(await publish(), { kind: 'owed', error: { message: /outside of GitHub/ } });
  t.ok(
    heard.every((authorization) => authorization === undefined),
    'the token stays here',
  );
});

t.test('github: a branch that is missing is made, without what other branches have', async (t) => {
  const { server, audit, publish } = await world(t);
  t.match(await publish({ audit: { ...audit, branch: 'records/2026' } }), { kind: 'published', count: 1 });
  const files = execFileSync('git', ['-C', server.bare, 'ls-tree', '-r', '--name-only', 'records/2026'], {
    encoding: 'utf8',
  });
  t.equal(files.trim().split('\n').length, 4, 'what was published on the other branch is put there, too');
  t.strictSame(server.complaints, []);
});

t.test('github: a repository that was made anew gets back what this host has published', async (t) => {
  const { server, publish } = await world(t);
  await rm(server.bare, { recursive: true });
  execFileSync('git', ['init', '-q', '--bare', '--initial-branch=main', server.bare]);
  t.match(await publish(), { kind: 'published', count: 1, tampered: { length: 2 } });
  const files = execFileSync('git', ['-C', server.bare, 'ls-tree', '-r', '--name-only', 'main'], { encoding: 'utf8' });
  t.equal(files.trim().split('\n').length, 5);
  t.strictSame(server.complaints, []);
});

t.test('github: a folder of which GitHub leaves something out is read folder by folder', async (t) => {
  const { server, secretsFile, audit, publish, append } = await world(t);
  await publish();
  const git = await openAuditGitHub(audit, secretsFile, {});
  const head = await git.head('main');
  const read = () => readGitHubFolder(git, head.kind === 'commit' ? head.tree : '', 'manifests/');
  const whole = await read();
  t.equal(whole.length, 4);
  server.state.leavesOut = true;
  t.strictSame(await read(), whole);
  await append(3);
  t.match(await publish(), { kind: 'published', tampered: { length: 0 } });
  t.strictSame(server.complaints, []);
});

t.test('github: an App publishes with its key, and every fault of that is told', async (t) => {
  const { folder, server, setSecrets, audit: plain, publish, append } = await world(t);
  const audit = { ...plain, app: { id: 7, installation: 42 } };
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keyFile = join(folder, 'app.pem');
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  server.appKey = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  server.tokens.clear();
  const owed = (error: object) => async (name: string) =>
    t.match(await publish({ audit }), { kind: 'owed', error: { code: 'audit-unreachable', ...error } }, name);
  await owed({ message: /COFFRE_GITHUB_APP_KEY_FILE/ })('not set');
  await setSecrets('COFFRE_GITHUB_APP_KEY_FILE=app.pem\n');
  await owed({ message: /there is no .*app.pem/ })('no file');
  await writeFile(keyFile, pem, { mode: 0o644 });
  await owed({ message: /others than its owner/, hint: /chmod 600/ })('a file that others can read');
  await chmod(keyFile, 0o600);
  t.match(await publish({ audit }), { kind: 'published', count: 1 }, 'a key beside the .env file');
  await append(3);
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  await writeFile(keyFile, other.export({ type: 'pkcs8', format: 'pem' }));
  await owed({ message: /not accept/, hint: /the clock of this machine/ })("another App's key");
  await writeFile(keyFile, 'no key');
  await owed({ message: /no private key in PEM/ })('no key');
  t.strictSame(server.complaints, []);
});

t.test('github: secrets that cannot be used keep nothing but the publication', async (t) => {
  const { server, secretsFile, setSecrets, audit, chain, publish } = await world(t);
  await chmod(secretsFile, 0o644);
  t.match(await publish(), { kind: 'owed', error: { code: 'audit-unreachable', hint: /chmod 600/ } });
  const stateFolder = await temporaryFolder(t);
  await t.rejects(recoverHead({ audit, secretsFile, stateFolder, chain }), { code: 'audit-unreachable' });
  await rm(secretsFile);
  t.match(await publish(), { kind: 'owed', error: { message: /COFFRE_GITHUB_TOKEN/, hint: /0600/ } });
  await setSecrets(`COFFRE_GITHUB_TOKEN=${AUDIT_TOKEN}\n`);
  t.match(await publish(), { kind: 'published' });
  t.strictSame(server.complaints, []);
});

t.test(
  'github: no process that publishing or reading starts has the token in its arguments or environment',
  async (t) => {
    const { server, secretsFile, audit, signer, publish } = await world(t);
    const watch = watchProcesses(process.pid, 2);
    t.match(await publish(), { kind: 'published' });
    const source = await sourceOf({ audit, secrets: { path: secretsFile } });
    t.equal((await readPublished(source, signer.host)).length, 2);
    const { commands, environments } = watch.end();
    t.ok(commands.some((command) => command.includes('hash-object') || command.includes('clone')));
    const basic = Buffer.from(`x-access-token:${AUDIT_TOKEN}`).toString('base64');
    for (const secret of [AUDIT_TOKEN, basic]) {
      t.notOk([...commands, ...environments].some((text) => text.includes(secret)));
    }
    t.ok(
      server.requests.some((request) => request.includes('upload-pack')),
      'it was read with git',
    );
  },
);
