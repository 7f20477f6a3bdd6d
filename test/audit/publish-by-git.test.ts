import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { appendToChain } from '../../lib/audit/chain.ts';
import { putIntoOutbox } from '../../lib/audit/outbox.ts';
import { publishOutbox } from '../../lib/audit/publish.ts';
import { readPublished } from '../../lib/audit/read-published.ts';
import { recoverHead } from '../../lib/audit/recover-head.ts';
import { sourceOf } from '../../lib/flow/audit-source.ts';
import type { GitAudit } from '../../lib/model/audit-config.ts';
import { type Authority, makeAuthority } from '../fixture/authority.ts';
import { loginOf, serveGit } from '../fixture/git-http.ts';
import { manifestOf } from '../fixture/manifest.ts';
import { watchProcesses } from '../fixture/process-watch.ts';
import { signerOf, temporaryFolder } from '../fixture/signer.ts';

const TOKEN = 'glpat-0123456789abcdefTOKEN';
const clock = { now: () => new Date('2026-11-22T04:10:00Z') };

/** A bare repository behind a server of HTTPS with a certificate of its own authority, and a host with a night to publish. */
async function overHttps(t: Test, ca?: Authority) {
  const folder = await temporaryFolder(t);
  const bare = join(folder, 'served', 'audit.git');
  execFileSync('git', ['init', '-q', '--bare', '--initial-branch=main', bare]);
  const authority = ca ?? (await makeAuthority(join(folder, 'authority')));
  const { certificate, key } = await authority.issue('IP:127.0.0.1');
  const logins: ReturnType<typeof loginOf>[] = [];
  const state = { status: 0, location: '', hangsAt: '' };
  const server = createServer({ cert: await readFile(certificate), key: await readFile(key) }, (request, response) => {
    const login = loginOf(request);
    logins.push(login);
    const { location, hangsAt } = state;
    // Some of an answer, and no more of it.
    if (hangsAt !== '' && request.url?.includes(hangsAt)) return void response.write('0');
    if (location !== '') response.writeHead(302, { location: `${location}${request.url}` }).end();
    else if (state.status !== 0) response.writeHead(state.status).end(`no ${request.headers.authorization} no`);
    else if (login?.password === TOKEN) serveGit(request, response, join(folder, 'served'), login.user);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const secretsFile = join(folder, '.env');
  await writeFile(secretsFile, `COFFRE_GIT_TOKEN=${TOKEN}\n`, { mode: 0o600 });
  const audit: GitAudit = {
    ...{ kind: 'git', remote: `https://127.0.0.1:${port}/audit.git`, branch: 'main' },
    ca: authority.ca,
  };
  const signer = await signerOf(t, 'db1');
  const { stateFolder, host } = signer;
  const append = (n: number, through = audit) =>
    appendToChain(
      stateFolder,
      () => recoverHead({ audit: through, secretsFile, stateFolder, chain: { of: 'manifests', host } }),
      (link) => signer.sign(manifestOf(host, new Date(Date.UTC(2026, 10, n, 4)), link)),
    );
  const publish = (through = audit, limits = {}) =>
    publishOutbox({
      audit: through,
      secretsFile,
      stateFolder,
      host,
      clock,
      secondMs: 10,
      timeoutMs: 20_000,
      ...limits,
    });
  return { ...{ folder, bare, audit, secretsFile, signer, append, publish, logins, state, server } };
}

t.test('git: over HTTPS with a token, which no process has in its arguments or environment', async (t) => {
  const { bare, audit, secretsFile, signer, append, publish, logins } = await overHttps(t);
  const watch = watchProcesses(process.pid, 2);
  await append(1);
  t.match(await publish(), { kind: 'published', count: 1 });
  await append(2, { ...audit, user: 'oauth2' });
  t.match(await publish({ ...audit, user: 'oauth2' }), { kind: 'published', count: 1 });
  const source = await sourceOf({ audit, secrets: { path: secretsFile } });
  t.equal((await readPublished(source, signer.host)).length, 2);
  const { commands, environments } = watch.end();
  t.ok(
    commands.some((command) => command.includes('remote-https')),
    'it was looked at',
  );
  for (const user of ['x-access-token', 'oauth2']) {
    t.ok(logins.some((login) => login?.user === user));
    for (const secret of [TOKEN, Buffer.from(`${user}:${TOKEN}`).toString('base64')])
      t.notOk([...commands, ...environments].some((text) => text.includes(secret)));
  }
  const found = spawnSync('grep', ['-rl', TOKEN, signer.stateFolder, bare], { encoding: 'utf8' });
  t.match(found, { status: 1, stdout: '' }, 'nor does any file of the clone');
});

t.test('git: what a server of HTTPS refuses is told, and the token is in none of it', async (t) => {
  const { append, audit, publish, secretsFile, state, logins } = await overHttps(t);
  await append(1);
  const owed = async (name: string, error: object, through = audit) => {
    const done = await publish(through);
    t.match(done, { kind: 'owed', error: { code: 'audit-unreachable', ...error } }, name);
    const basic = Buffer.from(`x-access-token:${TOKEN}`).toString('base64');
    if (done.kind === 'owed') {
      const all = `${done.error.stack} ${done.error.hint} ${JSON.stringify(done.error)}`;
      t.notOk(all.includes(TOKEN) || all.includes(basic), name);
    }
  };
  const { ca: _, ...untrusted } = audit;
  const before = logins.length;
  await owed('an authority that nobody knows', { hint: /audit.ca/ }, untrusted);
  t.equal(logins.length, before, 'it was told nothing');
  await writeFile(secretsFile, 'COFFRE_GIT_TOKEN=wrong\n');
  await owed('a wrong token', { message: /does not accept this user/, hint: /COFFRE_GIT_TOKEN/ });
  await writeFile(secretsFile, '');
  await owed('no token', { message: /does not accept this user/, hint: /COFFRE_GIT_TOKEN/ });
  await writeFile(secretsFile, `COFFRE_GIT_TOKEN="${TOKEN} with blanks"\n`);
  t.match(await publish(), { kind: 'owed', error: { code: 'refused', message: /blanks/ } });
  await writeFile(secretsFile, `COFFRE_GIT_TOKEN=${TOKEN}\n`);
  state.status = 403;
  await owed('a token that may not', { message: /lets this user do less/, hint: /COFFRE_GIT_TOKEN/ });
  state.status = 503;
  await owed('503', { message: /503/ });
  state.status = 0;
  await chmod(secretsFile, 0o644);
  await owed('secrets that others can read', { hint: /chmod 600/ });
  await chmod(secretsFile, 0o600);
  t.match(await publish(), { kind: 'published' });
});

t.test(
  'git: a server of HTTPS that falls silent in the middle is given up, and the next night brings all of it',
  async (t) => {
    const { append, audit, publish, state, bare } = await overHttps(t);
    await append(1);
    t.match(await publish(), { kind: 'published', count: 1 });
    let n = 2;
    for (const hangsAt of [
      'info/refs?service=git-upload-pack',
      'info/refs?service=git-receive-pack',
      'audit.git/git-receive-pack',
    ]) {
      await append(n);
      state.hangsAt = hangsAt;
      const done = await publish(audit, { silenceMs: 1500 });
      t.match(done, {
        kind: 'owed',
        count: n - 1,
        error: { code: 'audit-unreachable', message: /no answer within 1.5 s$/ },
      });
      t.notOk(JSON.stringify(done).includes(TOKEN));
      n += 1;
    }
    state.hangsAt = '';
    t.match(await publish(), { kind: 'published', count: 3, tampered: [], squatted: [] });
    const names = execFileSync('git', ['-C', bare, 'ls-tree', '-r', '--name-only', 'main', 'manifests'], {
      encoding: 'utf8',
    });
    t.equal(names.split('\n').filter((name) => name.endsWith('.json')).length, 4);
  },
);

t.test('git: who reads over HTTPS is told of a wrong token and of an unknown authority, too', async (t) => {
  const { append, audit, publish, signer, folder } = await overHttps(t);
  await append(1);
  await publish();
  const { remote: location, branch, ca: caFile } = audit;
  const read = (https: object) =>
    readPublished(
      { location, branch, https: { address: location, user: 'x', token: TOKEN, caFile, ...https } },
      signer.host,
    );
  t.equal((await read({})).length, 1);
  const cases: readonly (readonly [object, RegExp, RegExp])[] = [
    [{ token: 'another-secret-0123' }, /does not accept this user/, /COFFRE_GIT_TOKEN/],
    [{ token: undefined }, /does not accept this user/, /COFFRE_GIT_TOKEN/],
    [{ caFile: undefined }, /certificate/, /audit\.ca/],
    [{ caFile: join(folder, 'none.pem') }, /./, /./],
  ];
  for (const [https, message, hint] of cases) {
    const error = await read(https).then(
      () => t.fail('it should have been refused'),
      (reason: Error) => reason,
    );
    t.match(error, { code: 'audit-unreachable', message, hint });
    t.notMatch(`${(error as Error).stack} ${JSON.stringify(error)}`, /another-secret-0123|glpat-/);
  }
});

t.test('git: a server that leads to another one cannot get the token told there', async (t) => {
  // Both have certificates that this host trusts.
  const authority = await makeAuthority(join(await temporaryFolder(t), 'authority'));
  const [{ append, publish, state }, other] = [await overHttps(t, authority), await overHttps(t, authority)];
  await append(1);
  other.logins.splice(0);
  state.location = other.audit.remote.replace('/audit.git', '');
  t.match(await publish(), { kind: 'owed' });
  t.ok(other.logins.length > 0, 'git did go there');
  t.ok(other.logins.every((login) => login === undefined));
});

t.test('git: commits are signed by the key that signs records, and git verify-commit takes them', async (t) => {
  const folder = await temporaryFolder(t);
  const bare = join(folder, 'audit.git');
  execFileSync('git', ['init', '-q', '--bare', '--initial-branch=main', bare]);
  const signer = await signerOf(t, 'db1');
  const { stateFolder, host } = signer;
  const audit: GitAudit = { kind: 'git', remote: bare, branch: 'main', signCommits: true };
  await putIntoOutbox(stateFolder, await signer.next(new Date(Date.UTC(2026, 10, 1, 4))));
  const options = { audit, secretsFile: join(folder, '.env'), stateFolder, host, clock };
  t.match(await publishOutbox(options), { kind: 'published', count: 1 });
  const allowed = join(folder, 'allowed_signers');
  const verify = async (line: string) => {
    await writeFile(allowed, line);
    const settings = ['-c', 'gpg.format=ssh', '-c', `gpg.ssh.allowedSignersFile=${allowed}`];
    return spawnSync('git', ['-C', bare, ...settings, 'verify-commit', 'main'], { encoding: 'utf8' });
  };
  const asGit = signer.line.replace('coffre-manifest', 'git');
  const done = await verify(asGit);
  t.equal(done.status, 0);
  t.match(done.stderr, /Good "git" signature for db1 with ED25519 key/);
  const { line } = await signerOf(t, 'db1');
  t.not((await verify(line.replace('coffre-manifest', 'git'))).status, 0, 'by another key it is none');
  t.not((await verify(signer.line)).status, 0, 'nor in the namespace of records');
  await rm(join(stateFolder, 'signing'), { recursive: true });
  await putIntoOutbox(stateFolder, await (await signerOf(t, 'db1')).next(new Date(Date.UTC(2026, 10, 2, 4))));
  t.match(await publishOutbox(options), { kind: 'owed' }, 'without its key nothing is pushed unsigned');
});

t.test('git: a hook that refuses, and a server that wants no force, are told in one sentence', async (t) => {
  const folder = await temporaryFolder(t);
  const bare = join(folder, 'audit.git');
  execFileSync('git', ['init', '-q', '--bare', '--initial-branch=main', bare]);
  execFileSync('git', ['-C', bare, 'config', 'receive.denyNonFastForwards', 'true']);
  const signer = await signerOf(t, 'db1');
  const { stateFolder, host } = signer;
  const audit: GitAudit = { kind: 'git', remote: bare, branch: 'main' };
  const publish = () => publishOutbox({ audit, secretsFile: '/nowhere', stateFolder, host, clock, secondMs: 10 });
  await putIntoOutbox(stateFolder, await signer.next(new Date(Date.UTC(2026, 10, 1, 4))));
  t.match(await publish(), { kind: 'published' });
  await putIntoOutbox(stateFolder, await signer.next(new Date(Date.UTC(2026, 10, 2, 4))));
  const hook = join(bare, 'hooks', 'update');
  await writeFile(hook, '#!/bin/sh\nprintf "GitLab: \\033[2JYou are not allowed\\n" >&2; exit 1\n', { mode: 0o755 });
  const done = await publish();
  t.match(done, { kind: 'owed', count: 1, error: { code: 'refused', hint: /without force/ } });
  t.equal(
    done.kind === 'owed' && done.error.message,
    "cannot push to the branch main: the remote's rules forbid it (hook declined; GitLab: [2JYou are not allowed)",
  );
  await rm(hook);
  t.match(await publish(), { kind: 'published', count: 1 });
});
