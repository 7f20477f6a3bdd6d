import t, { type Test } from 'tap';
import type { CoffreError } from '../../lib/model/error.ts';
import { type GitHubOptions, openGitHub } from '../../lib/system/github.ts';
import { pullRequestComments } from '../../lib/system/github-comments.ts';
import { assertDocumented } from '../contract/github-rest.ts';
import { answers, GITHUB_TOKEN, startGitHub, type Trouble, told } from '../fixture/github-server.ts';

const LIST = 'GET /repos/acme/backups/issues/7/comments';
const CREATE = 'POST /repos/acme/backups/issues/7/comments';

async function world(t: Test, options: Partial<GitHubOptions> = {}) {
  const server = await startGitHub();
  t.teardown(() => server.close());
  const open = (more: Partial<GitHubOptions> = {}) => {
    const access = { token: GITHUB_TOKEN, apiUrl: server.apiUrl, repository: 'acme/backups', secondMs: 20 };
    return pullRequestComments(openGitHub({ ...access, ...options, ...more }), 7);
  };
  const refused = async (act: Promise<unknown>) => {
    const error = await act.then(
      () => t.fail('should have been refused'),
      (reason: CoffreError) => reason,
    );
    t.notMatch(`${(error as Error).stack} ${JSON.stringify(error)}`, GITHUB_TOKEN, 'the token is in no error');
    t.equal((error as Error).cause, undefined);
    return error as CoffreError;
  };
  return { server, open, refused, comments: open() };
}

t.test('reads every page of a long conversation, the oldest first', async (t) => {
  const { server, comments } = await world(t);
  for (let id = 250; id > 0; id -= 1) server.comments.push({ id, login: 'ann', body: `number ${id}` });
  const found = await comments.list();
  t.same(
    found.map(({ id }) => id),
    Array.from({ length: 250 }, (_, index) => index + 1),
  );
  t.equal(server.requests.length, 3);
  t.match(found[0], { author: 'ann', body: 'number 1', url: /^https:/ });
  t.same(server.complaints, []);
});

t.test('knows itself, creates, updates and removes, as GitHub documents it', async (t) => {
  const { server, comments } = await world(t);
  t.equal(await comments.self(), 'github-actions[bot]');
  const made = await comments.create('one');
  t.match(made, { author: 'github-actions[bot]', body: 'one' });
  t.match(await comments.update(made.id, 'two'), { id: made.id, body: 'two' });
  server.comments.push({ id: 5000, login: null, body: 'of an account that is gone' });
  t.match(await comments.list(), [{ body: 'two' }, { author: null }]);
  await comments.remove(made.id);
  t.match(server.comments, [{ id: 5000 }]);
  t.same(server.complaints, []);
});

t.test('a token that GitHub does not accept is told once, without the token', async (t) => {
  const { server, open, refused } = await world(t);
  const error = await refused(open({ token: 'ghs_wrong' }).list());
  t.match(error, {
    code: 'github-unreachable',
    exitCode: 7,
    message: /does not accept the token/,
    hint: /GITHUB_TOKEN/,
  });
  t.equal(server.requests.length, 1);
});

t.test('a token that may not write is told what permission it lacks', async (t) => {
  const { server, comments, refused } = await world(t);
  server.meets(CREATE, answers(403, told(`Resource not accessible by integration ${GITHUB_TOKEN}`)));
  const error = await refused(comments.create('one'));
  t.match(error, {
    code: 'github-unreachable',
    message: /not accessible by integration \[secret\]/,
    hint: /pull-requests: write/,
  });
  t.equal(server.requests.length, 1);
});

t.test('a pull request that is not there is not found', async (t) => {
  const { server, comments, refused } = await world(t);
  server.meets(LIST, answers(404, told('Not Found')));
  t.match(await refused(comments.list()), { code: 'not-found', exitCode: 2, hint: /GITHUB_REPOSITORY/ });
  t.equal(server.requests.length, 1);
});

t.test('a secondary rate limit is waited for as long as GitHub asks, and not longer than two minutes', async (t) => {
  const { server, comments, refused } = await world(t);
  const limit = (seconds: number) =>
    answers(403, told('You have exceeded a secondary rate limit.'), { 'retry-after': String(seconds) });
  server.meets(LIST, limit(20));
  const before = Date.now();
  t.same(await comments.list(), []);
  t.ok(Date.now() - before >= 20 * 20 - 5, 'waited');
  t.equal(server.requests.length, 2);

  server.meets(LIST, limit(3600));
  t.match(await refused(comments.list()), {
    code: 'github-unreachable',
    message: /limits the rate/,
    hint: /in 3600 s/,
  });
  for (let times = 0; times < 3; times += 1) server.meets(LIST, limit(1));
  t.match(await refused(comments.list()), { code: 'github-unreachable', message: /limits the rate/ });
});

t.test('the primary rate limit is told with the seconds until it ends', async (t) => {
  const { server, comments, refused } = await world(t);
  const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 1800) };
  for (const status of [403, 429]) {
    server.meets(LIST, answers(status, told('API rate limit exceeded'), headers));
    t.match(await refused(comments.list()), { code: 'github-unreachable', hint: /in 1(799|800) s/ });
  }
  t.equal(server.requests.length, 2);
});

t.test('5xx and broken connections are tried again, and told when they last', async (t) => {
  const { server, comments, refused } = await world(t);
  server.meets(LIST, answers(502, '<html>'));
  server.meets(LIST, (request) => request.destroy());
  server.meets(LIST, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('[');
    setTimeout(() => response.destroy(), 20);
  });
  t.same(await comments.list(), [], 'half an answer is none');
  t.equal(server.requests.length, 4);
  for (let times = 0; times < 4; times += 1) server.meets(LIST, answers(503, told('Unavailable')));
  t.match(await refused(comments.list()), { code: 'github-unreachable', message: /GitHub answers 503/ });
  t.equal(server.requests.length, 8);
});

t.test('the question who we are survives a broken connection, too', async (t) => {
  const { server, comments } = await world(t);
  server.meets('POST /graphql', (request) => request.destroy());
  server.meets('POST /graphql', answers(502, 'bad gateway'));
  t.equal(await comments.self(), 'github-actions[bot]');
});

t.test('a comment is sent once only, whatever happens to the answer', async (t) => {
  const { server, comments, refused } = await world(t);
  server.meets(CREATE, answers(502, told('Bad gateway')));
  t.match(await refused(comments.create('one')), { code: 'github-unreachable' });
  t.equal(server.requests.length, 1);
});

t.test('does not wait for ever: neither for an answer nor for its end', async (t) => {
  const { server, open, refused } = await world(t);
  const comments = open({ timeoutMs: 800 });
  server.meets(CREATE, () => undefined);
  const before = Date.now();
  t.match(await refused(comments.create('one')), { code: 'github-unreachable', message: /no answer within 0.8 s/ });
  t.ok(Date.now() - before < 3000);
  server.meets(LIST, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('[');
  });
  t.same(await comments.list(), [], 'slow once, then well');
});

t.test('an interruption ends the wait for the next try', async (t) => {
  const stopper = new AbortController();
  const { server, comments, refused } = await world(t, { signal: stopper.signal, secondMs: 5000 });
  const before = Date.now();
  server.meets(LIST, answers(500, told('Server Error')));
  setTimeout(() => stopper.abort(), 100);
  t.match(await refused(comments.list()), { code: 'interrupted', exitCode: 130 });
  t.ok(Date.now() - before < 4000, 'the next try would have come after 5 s');
});

t.test('nobody at the address, or nobody who speaks like GitHub', async (t) => {
  const { server, open, comments, refused } = await world(t);
  const gone = await startGitHub();
  await gone.close();
  t.match(await refused(open({ apiUrl: gone.apiUrl }).list()), {
    code: 'github-unreachable',
    message: /ECONNREFUSED/,
  });
  const portal: Trouble = (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>');
  for (let times = 0; times < 4; times += 1) server.meets(LIST, portal);
  t.match(await refused(comments.list()), { code: 'github-unreachable', message: /something in between/ });
  server.meets(LIST, answers(200, [{ id: 'x' }]));
  t.match(await refused(comments.list()), { code: 'unexpected', message: /something else than its documentation/ });
});

t.test('the token goes to GitHub alone, and never unencrypted over a network', async (t) => {
  const { server, open, comments, refused } = await world(t);
  const elsewhere = await startGitHub();
  t.teardown(() => elsewhere.close());
  const link = `<${elsewhere.apiUrl}/repos/acme/backups/issues/7/comments?page=2>; rel="next"`;
  for (let times = 0; times < 4; times += 1) server.meets(LIST, answers(200, [], { link }));
  t.match(await refused(comments.list()), { code: 'github-unreachable', message: /outside of GitHub/ });
  t.same(elsewhere.requests, []);
  t.throws(() => open({ apiUrl: 'http://github.example' }), { code: 'refused', hint: /https/ });
  for (const apiUrl of ['', 'api.github.com', 'ftp://x', 'https://me:secret@x/'])
    t.throws(() => open({ apiUrl }), { code: 'usage' });
  for (const repository of ['', 'acme', 'acme/..', 'a/b/c', 'acme/x?y', '../x']) {
    t.throws(() => open({ repository }), { code: 'usage', hint: /GITHUB_REPOSITORY/ });
  }
});

t.test('the excerpt of the description of the API refuses what GitHub would not say', async (t) => {
  const exchange = { method: 'GET', path: '/repos/a/b/issues/7/comments', status: 200, request: undefined };
  assertDocumented({ ...exchange, response: [] });
  assertDocumented({ ...exchange, status: 404, response: told('Not Found') });
  t.throws(() => assertDocumented({ ...exchange, response: [{ id: 1 }] }), /must have required property/);
  t.throws(() => assertDocumented({ ...exchange, status: 418, response: [] }), /does not document/);
  t.throws(() => assertDocumented({ ...exchange, path: '/repos/a', response: [] }), /does not document/);
  const create = { ...exchange, method: 'POST', status: 403, response: told('Forbidden') };
  assertDocumented({ ...create, request: { body: 'x' } });
  t.throws(() => assertDocumented({ ...create, request: { text: 'x' } }), /must have required property/);
});
