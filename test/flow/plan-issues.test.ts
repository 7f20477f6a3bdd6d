import t, { type Test } from 'tap';
import { AUDIT_LABEL, type IssueAction, planIssues } from '../../lib/flow/plan-issues.ts';
import type { ToldValidation } from '../../lib/model/told-validation.ts';
import { rememberedHead } from '../../lib/report/audit-issue.ts';
import type { RepositoryIssue } from '../../lib/system/github-issues.ts';
import { failedValidation, findingOf, HEAD, NEXT_HEAD, toldValidation } from '../fixture/told-validation.ts';

const REWRITTEN = findingOf(null, { rule: 'append-only', message: 'the history does not contain the head' });
const STRANGER = findingOf(null, { rule: 'belongs', path: 'x', message: 'it does not belong here' });

/** What GitHub has once `actions` have been carried out. */
function after(issues: readonly RepositoryIssue[], actions: readonly IssueAction[]): RepositoryIssue[] {
  const result = issues.map((issue) => ({ ...issue }));
  for (const action of actions) {
    if (action.kind === 'open' || action.kind === 'remember') {
      const number = Math.max(0, ...result.map((each) => each.number)) + 1;
      const made = { number, body: action.body, open: action.kind === 'open', author: 'bot', labels: [AUDIT_LABEL] };
      result.push({ ...made, url: '' });
      continue;
    }
    const index = result.findIndex(({ number }) => number === action.number);
    const issue = result[index] as RepositoryIssue;
    const isClosed = action.kind === 'close' || action.kind === 'close-duplicate';
    const open = action.kind === 'update' ? issue.open : !isClosed;
    const body = isClosed && action.subject.kind === 'host' ? issue.body : 'body' in action ? action.body : issue.body;
    result[index] = { ...issue, open, body, labels: action.labels };
  }
  return result;
}

/** Nights one after another, each on what the one before has left. Says what was done in each, in a few words. */
function nights(t: Test, validations: readonly ToldValidation[], start: readonly RepositoryIssue[] = []) {
  let issues = [...start];
  const told = validations.map((validation) => {
    const known = headOf(issues);
    const actions = planIssues(validation, issues, known);
    issues = after(issues, actions);
    t.strictSame(planIssues(validation, issues, known), [], 'a second time there is nothing to do');
    return actions.map(({ kind, subject }) => `${kind} ${subject.kind === 'host' ? subject.host : 'repository'}`);
  });
  return { told, issues };
}

function headOf(issues: readonly RepositoryIssue[]): string | null {
  const issue = issues.find(({ body }) => body.startsWith('<!-- coffre: audit -->\n'));
  return issue ? rememberedHead(issue.body) : null;
}

t.test('red opens an issue, still red updates it, green closes it, red again opens the same one again', async (t) => {
  const red = toldValidation([findingOf('db1')]);
  const worse = toldValidation([findingOf('db1', { message: 'another' })]);
  const { told, issues } = nights(t, [red, red, worse, toldValidation(), toldValidation(), red]);
  t.strictSame(told, [['remember repository', 'open db1'], [], ['update db1'], ['close db1'], [], ['reopen db1']]);
  t.equal(issues.length, 2, 'one for the host, one for the repository');
});

t.test('each host has its own, and so has the repository', async (t) => {
  const { told, issues } = nights(t, [
    toldValidation([findingOf('db2'), findingOf('db1'), findingOf('db1', { rule: 'owed-copy' }), STRANGER]),
    toldValidation([findingOf('db2')]),
  ]);
  t.strictSame(told, [
    ['open repository', 'open db1', 'open db2'],
    ['close repository', 'close db1'],
  ]);
  t.match(issues[1]?.body, /tells 2 errors\. The last run that succeeded is `2026-11-22T040000Z`/);
});

t.test('warnings alone open nothing, and stand beside errors', async (t) => {
  const warning = findingOf('db1', { severity: 'warning', message: 'its last run has failed' });
  t.strictSame(nights(t, [toldValidation([warning])]).told, [['remember repository']]);
  t.match(nights(t, [toldValidation([warning, findingOf('db1')])]).issues[1]?.body, /1 error and 1 warning\./);
});

t.test('the issue of a host that has left everything behind is closed', async (t) => {
  const stranger = findingOf('db9', { rule: 'known-host', path: 'manifests/db9' });
  t.strictSame(nights(t, [toldValidation([stranger]), toldValidation()]).told.at(-1), ['close db9']);
});

t.test('the head that was validated is kept, and never moves over a history that was rewritten', async (t) => {
  const { issues } = nights(t, [toldValidation(), toldValidation([], NEXT_HEAD)]);
  t.equal(headOf(issues), NEXT_HEAD);
  const stale = nights(t, [toldValidation([findingOf('db1')], HEAD)], issues);
  t.equal(headOf(stale.issues), HEAD, 'a host that is late is no reason to forget');
  const { told, issues: rewritten } = nights(t, [toldValidation([REWRITTEN], HEAD)], issues);
  t.strictSame(told, [['reopen repository']]);
  t.equal(headOf(rewritten), NEXT_HEAD);
  t.equal(headOf(nights(t, [toldValidation([], null)], issues).issues), NEXT_HEAD, 'an empty repository is none');
});

t.test('nothing is remembered that was not compared with what is remembered', async (t) => {
  const { issues } = nights(t, [toldValidation([], NEXT_HEAD)]);
  for (const known of [null, HEAD]) {
    t.strictSame(planIssues(toldValidation([], HEAD), issues, known), [], 'another run has moved it meanwhile');
  }
  t.equal(headOf(after([], planIssues(toldValidation(), [], NEXT_HEAD))), null, 'or somebody has removed it');
});

t.test('where validate comes to no verdict the repository is red, and nothing is said of the hosts', async (t) => {
  const { told, issues } = nights(t, [
    toldValidation([findingOf('db1')]),
    failedValidation('cannot read the inventory'),
    toldValidation(),
  ]);
  t.strictSame(told.slice(1), [['reopen repository'], ['close repository', 'close db1']]);
  t.equal(headOf(issues), HEAD);
  const broken = after([], planIssues(failedValidation('cannot read @x'), [], null));
  t.match(broken[0], {
    open: true,
    body: /came to no verdict.*```text\nhosts\/db1.yaml:3: `x`\nerror: cannot read @x\n/s,
  });
});

t.test('of two with one subject the older one goes on, and the other is closed', async (t) => {
  const [made] = after([], planIssues(toldValidation([findingOf('db1')]), [], null)).slice(1);
  const twice = [7, 3].map((number) => ({ ...(made as RepositoryIssue), number })).sort((a, b) => a.number - b.number);
  const actions = planIssues(toldValidation([findingOf('db1')]), twice, null);
  t.match(actions, [{ kind: 'remember' }, { kind: 'close-duplicate', number: 7, comment: /#3/ }]);
});

t.test('a label that somebody has taken away comes back beside the others', async (t) => {
  const { issues } = nights(t, [toldValidation([findingOf('db1')])]);
  const bare = issues.map((issue) => ({ ...issue, labels: ['urgent'] }));
  const actions = planIssues(toldValidation([findingOf('db1')]), bare, HEAD);
  t.match(actions, [
    { kind: 'update', labels: ['urgent', AUDIT_LABEL] },
    { kind: 'update', labels: ['urgent', AUDIT_LABEL] },
  ]);
});

t.test('only a first line that is our marker makes an issue ours', async (t) => {
  const body = (text: string) => ({ number: 1, body: text, open: true, author: 'bot', labels: [], url: '' });
  for (const text of [
    '',
    'x\n<!-- coffre: audit -->',
    '> <!-- coffre: audit -->',
    '<!-- coffre: audit of host ../x -->',
  ]) {
    t.strictSame(planIssues(toldValidation([], null), [body(text)], null), [], text);
  }
  t.match(planIssues(toldValidation(), [body('<!-- coffre: audit of host db1 -->\r\nx')], null).at(-1), {
    kind: 'close',
  });
});
