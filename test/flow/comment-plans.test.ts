import t, { type Test } from 'tap';
import { commentPlans } from '../../lib/flow/comment-plans.ts';
import { PLAN_MARKER } from '../../lib/report/plan-comment.ts';
import { openGitHub } from '../../lib/system/github.ts';
import { type PullRequestComments, pullRequestComments } from '../../lib/system/github-comments.ts';
import { answers, GITHUB_TOKEN, SELF, startGitHub, told } from '../fixture/github-server.ts';

const CREATE = 'POST /repos/acme/backups/issues/7/comments';
const UPDATE = 'PATCH /repos/acme/backups/issues/comments/';
const body = (text: string) => `${PLAN_MARKER}\n${text}`;

// Octokit spaces out what it writes, by a second or three: these tests wait at the same time.
t.jobs = 8;
const buffered = { buffered: true };

async function world(t: Test) {
  const server = await startGitHub();
  t.teardown(() => server.close());
  const access = { token: GITHUB_TOKEN, apiUrl: server.apiUrl, repository: 'acme/backups', secondMs: 20 };
  return { server, comments: pullRequestComments(openGitHub(access), 7) };
}

t.test('one comment, which the next plan updates in place', buffered, async (t) => {
  const { server, comments } = await world(t);
  t.match(await commentPlans(comments, body('first')), { action: 'created', url: /issuecomment-1001/, removed: 0 });
  t.match(await commentPlans(comments, body('second')), { action: 'updated', url: /issuecomment-1001/, removed: 0 });
  t.same(server.comments, [{ id: 1001, login: SELF, body: body('second') }]);
  t.same(server.complaints, []);
});

t.test('what people write stays, also when they quote the marker or a whole plan', buffered, async (t) => {
  const { server, comments } = await world(t);
  const others = [
    { id: 1, login: 'ann', body: body('copied by a person') },
    { id: 2, login: SELF, body: `a workflow of another kind\n${body('')}` },
    { id: 3, login: SELF, body: `> ${PLAN_MARKER}\n> quoted` },
    { id: 4, login: null, body: body('of an account that is gone') },
    { id: 5, login: 'github-actions', body: body('of a person with a similar name') },
  ];
  server.comments.push(...others.map((each) => ({ ...each })));
  t.match(await commentPlans(comments, body('plan')), { action: 'created' });
  t.same(server.comments.slice(0, -1), others);
  t.match(server.comments.at(-1), { login: SELF, body: body('plan') });
});

t.test('of several comments of ours the oldest is updated, and the rest go', buffered, async (t) => {
  const { server, comments } = await world(t);
  server.comments.push({ id: 30, login: SELF, body: body('b').replaceAll('\n', '\r\n') });
  for (let id = 31; id < 180; id += 1) server.comments.push({ id, login: 'ann', body: 'talk' });
  server.comments.push({ id: 10, login: SELF, body: body('a') }, { id: 190, login: SELF, body: body('c') });
  t.match(await commentPlans(comments, body('plan')), { action: 'updated', url: /issuecomment-10$/, removed: 2 });
  const ours = server.comments.filter(({ login }) => login === SELF);
  t.same(ours, [{ id: 10, login: SELF, body: body('plan') }]);
  t.equal(server.comments.length, 150);
});

t.test('an answer that got lost on its way makes no second comment', buffered, async (t) => {
  const { server, comments } = await world(t);
  server.meets(CREATE, (_, response) => {
    server.comments.push({ id: 77, login: SELF, body: body('plan') });
    response.destroy();
  });
  t.match(await commentPlans(comments, body('plan')), { action: 'created', url: /issuecomment-77/ });
  t.equal(server.comments.length, 1);
});

t.test('a comment that was not made is sent again, once', buffered, async (t) => {
  const { server, comments } = await world(t);
  server.meets(CREATE, answers(502, told('Bad gateway')));
  t.match(await commentPlans(comments, body('plan')), { action: 'created' });
  t.equal(server.comments.length, 1);
  t.equal(server.requests.filter((asked) => asked === CREATE).length, 2);
});

t.test('a comment that somebody has just removed is made anew', buffered, async (t) => {
  const { server, comments } = await world(t);
  server.comments.push({ id: 10, login: SELF, body: body('a') });
  server.meets(UPDATE, (_, response) => {
    server.comments.length = 0;
    answers(404, told('Not Found'))(_, response);
  });
  t.match(await commentPlans(comments, body('plan')), { action: 'created' });
  t.equal(server.comments.length, 1);
});

t.test('a token that may not comment is an error, and a defect is no lost answer', buffered, async (t) => {
  const { server, comments } = await world(t);
  server.meets(CREATE, answers(403, told('Resource not accessible by integration')));
  server.meets(CREATE, answers(403, told('Resource not accessible by integration')));
  await t.rejects(commentPlans(comments, body('plan')), { code: 'github-unreachable', hint: /pull-requests: write/ });
  t.same(server.comments, []);
  const lost: PullRequestComments = { ...comments, create: () => Promise.reject(new TypeError('a defect')) };
  await t.rejects(commentPlans(lost, body('plan')), TypeError);
});
