import t, { type Test } from 'tap';
import { recallHead, reportIssues } from '../../lib/flow/report-issues.ts';
import type { ToldValidation } from '../../lib/model/told-validation.ts';
import { openGitHub } from '../../lib/system/github.ts';
import { ISSUE_NAMES, repositoryIssues } from '../../lib/system/github-issues.ts';
import { githubIssues } from '../fixture/github-issues.ts';
import { answers, GITHUB_TOKEN, SELF, startGitHub, told } from '../fixture/github-server.ts';
import { findingOf, HEAD, NEXT_HEAD, toldValidation } from '../fixture/told-validation.ts';

const CREATE = 'POST /repos/acme/backups/issues';
const RED = toldValidation([findingOf('db1'), findingOf('db2')]);

// Octokit spaces out what it writes, by a second or three: these tests wait at the same time.
t.jobs = 8;
const buffered = { buffered: true };

async function world(t: Test) {
  const stored = githubIssues();
  const server = await startGitHub([stored.part]);
  t.teardown(() => server.close());
  const access = { token: GITHUB_TOKEN, apiUrl: server.apiUrl, repository: 'acme/backups', secondMs: 20 };
  const issues = repositoryIssues(openGitHub({ ...access, names: ISSUE_NAMES }));
  const report = async (validation: ToldValidation, dryRun = false) =>
    reportIssues(issues, { validation, known: await recallHead(issues), dryRun });
  const host = (name: string) =>
    stored.issues.filter(({ body }) => body.startsWith(`<!-- coffre: audit of host ${name} -->`));
  return { server, stored, issues, report, host };
}

t.test('a red night, the same again, and a green one', buffered, async (t) => {
  const { server, stored, issues, report, host } = await world(t);
  const red = toldValidation([findingOf('db1')]);
  t.match(await report(red), [
    { action: 'remember', host: null, number: 1 },
    { action: 'open', host: 'db1', number: 2 },
  ]);
  t.match(
    stored.issues.map(({ login, state, title, labels }) => ({ login, state, title, labels })),
    [
      { login: SELF, state: 'closed', title: 'coffre: the audit repository', labels: ['coffre'] },
      { login: SELF, state: 'open', title: 'coffre: db1', labels: ['coffre'] },
    ],
  );
  t.strictSame(stored.labels, ['coffre']);
  t.equal(await recallHead(issues), HEAD);

  const before = server.requests.length;
  t.strictSame(await report(red), []);
  t.ok(
    server.requests.slice(before).every((asked) => asked.startsWith('GET ') || asked === 'POST /graphql'),
    'nothing is written that is there already',
  );

  await report(toldValidation([], NEXT_HEAD));
  t.match(host('db1'), [{ state: 'closed', comments: [{ body: `Green at commit ${NEXT_HEAD}: no error any more.` }] }]);
  t.match(host('db1')[0]?.body, 'a run was due', 'what was wrong can still be read');
  t.equal(await recallHead(issues), NEXT_HEAD);
  t.equal(stored.issues.length, 2);
  t.same(server.complaints, []);
});

t.test('a dry run tells the same and writes nothing', buffered, async (t) => {
  const { server, stored, report } = await world(t);
  t.match(await report(RED, true), [
    { action: 'remember', host: null, number: null },
    { action: 'open', host: 'db1', number: null },
    { action: 'open', host: 'db2', number: null },
  ]);
  t.same(stored.issues, []);
  t.notOk(server.requests.some((asked) => /^(POST|PATCH) \/repos/.test(asked)));
});

t.test('what people write stays, and remembers nothing, also when it looks like ours', buffered, async (t) => {
  const { stored, issues, report } = await world(t);
  const looks = `<!-- coffre: audit -->\n<!-- coffre: head ${NEXT_HEAD} -->\n`;
  const others = [
    stored.add({ login: 'mallory', body: looks, labels: ['coffre'] }),
    stored.add({ login: 'github-actions', body: looks, labels: ['coffre'] }),
    stored.add({ login: null, body: looks, labels: ['coffre'] }),
    stored.add({ login: SELF, body: looks, labels: ['coffre'], isPullRequest: true }),
    stored.add({ login: SELF, body: `of another workflow\n${looks}`, labels: ['coffre'] }),
    stored.add({
      login: 'mallory',
      body: '<!-- coffre: audit of host db1 -->',
      title: 'coffre: db1',
      labels: ['coffre'],
    }),
  ];
  const copy = structuredClone(others);
  t.equal(await recallHead(issues), null);
  t.match(await report(toldValidation([findingOf('db1')])), [{ action: 'remember' }, { action: 'open', number: 8 }]);
  t.same(stored.issues.slice(0, others.length), copy);
});

t.test('the own issues are found among hundreds, with or without their label', buffered, async (t) => {
  const { server, stored, report, host } = await world(t);
  for (let number = 0; number < 150; number += 1) stored.add({ body: 'talk' });
  stored.add({ login: SELF, body: '<!-- coffre: audit of host db1 -->\n', labels: [] });
  stored.add({ login: SELF, body: '<!-- coffre: audit of host db2 -->\n', labels: ['coffre'], state: 'closed' });
  t.match(await report(RED), [
    { action: 'remember' },
    { action: 'update', number: 151 },
    { action: 'reopen', number: 152 },
  ]);
  t.match(host('db1'), [{ labels: ['coffre'], comments: [] }]);
  t.match(host('db2'), [{ state: 'open', comments: [{ body: /^Red again, at commit a{40}: 1 error\.$/ }] }]);
  t.ok(server.requests.some((asked) => asked.includes('page=2')));
  t.same(server.complaints, []);
});

t.test(
  'an answer that got lost on its way makes no second issue, and an issue that was not made is made',
  buffered,
  async (t) => {
    const { server, stored, issues, report } = await world(t);
    server.meets(CREATE, answers(502, told('Bad gateway')));
    await report(toldValidation());
    t.equal(stored.issues.length, 1);
    const body = stored.issues[0]?.body ?? '';

    stored.issues.length = 0;
    server.meets(CREATE, (_, response) => {
      stored.add({ login: SELF, body, labels: ['coffre'] });
      response.destroy();
    });
    await report(toldValidation());
    t.equal(stored.issues.length, 1);
    t.equal(await recallHead(issues), HEAD);
  },
);

t.test('an issue that cannot be changed does not keep the others from being told', buffered, async (t) => {
  const { server, stored, issues, host } = await world(t);
  const report = (validation: ToldValidation) => reportIssues(issues, { validation, known: HEAD, dryRun: false });
  stored.add({ login: SELF, body: '<!-- coffre: audit of host db1 -->\n', labels: ['coffre'] });
  server.meets('PATCH /repos/acme/backups/issues/1', answers(410, told('This issue was deleted')));
  await t.rejects(report(RED), { code: 'not-found' });
  t.match(host('db2'), [{ state: 'open' }]);
});

t.test('a rate limit is waited for, and a token without the permission is told which', buffered, async (t) => {
  const { server, stored, report } = await world(t);
  const limit = answers(403, told('You have exceeded a secondary rate limit.'), { 'retry-after': '3' });
  server.meets(CREATE, limit);
  await report(toldValidation());
  t.equal(stored.issues.length, 1);
  const forbidden = answers(403, told('Resource not accessible by integration'));
  for (const each of [forbidden, forbidden]) server.meets(CREATE, each);
  await t.rejects(report(RED), { code: 'github-unreachable', hint: /issues: write/ });
  t.equal(stored.issues.length, 1);
});

t.test('a repository without issues is told to turn them on', buffered, async (t) => {
  const { server, report } = await world(t);
  server.meets(CREATE, answers(410, told('Issues has been disabled in this repository.')));
  await t.rejects(report(toldValidation()), { code: 'not-found', hint: /whether issues are on in its settings/ });
});

t.test('a label that somebody else has just made is taken', buffered, async (t) => {
  const { server, stored, report } = await world(t);
  server.meets('POST /repos/acme/backups/labels', (_, response) => {
    stored.labels.push('coffre');
    answers(422, { ...told('Validation Failed'), errors: [{ code: 'already_exists' }] })(_, response);
  });
  await report(toldValidation());
  t.equal(stored.issues.length, 1);
});
