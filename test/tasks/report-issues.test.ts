import t, { type Test } from 'tap';
import { githubIssues } from '../fixture/github-issues.ts';
import { answers, GITHUB_TOKEN, startGitHub, type Trouble, told } from '../fixture/github-server.ts';
import { runTask } from '../fixture/task.ts';
import { findingOf, HEAD, toldValidation } from '../fixture/told-validation.ts';

/** None of what a CI of our own would set. */
const NOTHING = { GITHUB_TOKEN: '', GITHUB_EVENT_PATH: '', GITHUB_SHA: '', GITHUB_REPOSITORY: '', GITHUB_API_URL: '' };

async function world(t: Test) {
  const stored = githubIssues();
  const server = await startGitHub([stored.part]);
  t.teardown(() => server.close());
  const cwd = t.testdir({
    'findings.jsonl': `{"event":"note"}\n${JSON.stringify(toldValidation([findingOf('db1')]))}\n`,
    'cut.jsonl': JSON.stringify(toldValidation()).slice(0, 30),
    'other.jsonl': '{"event":"result","exitCode":0,"data":{}}\n',
  });
  const env = { GITHUB_TOKEN, GITHUB_REPOSITORY: 'acme/backups', GITHUB_API_URL: server.apiUrl };
  const task = (words: readonly string[], own: Readonly<Record<string, string>> = env) =>
    runTask('report-issues', words, { cwd, env: { ...NOTHING, ...own } });
  return { stored, server, task };
}

t.test('tells what it would do, and prints the head that is kept', async (t) => {
  const { stored, server, task } = await world(t);
  const dry = await task(['--findings', 'findings.jsonl', '--dry-run']);
  t.equal(dry.exitCode, 0, dry.stderr);
  t.equal(
    dry.stdout,
    `the audit repository: a new issue: remembers the head that was validated
db1: a new issue: opened
this was a dry run: nothing has been changed
`,
  );
  t.same(stored.issues, []);
  t.match(await task(['--recall']), { exitCode: 0, stdout: '' });
  const body = `<!-- coffre: audit -->\n<!-- coffre: head ${HEAD} -->\n`;
  stored.add({ login: 'github-actions[bot]', body, state: 'closed', labels: ['coffre'] });
  t.match(await task(['--recall']), { exitCode: 0, stdout: `${HEAD}\n` });
  t.same(server.complaints, []);
});

t.test(
  'what GitHub answers instead of doing it is one sentence and a hint, without the token, and opens no issue',
  async (t) => {
    const [list, create] = ['GET /repos/acme/backups/issues', 'POST /repos/acme/backups/issues'];
    const resetsAt = {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 3000),
    };
    const invalid = {
      ...told('Validation Failed'),
      errors: [
        { resource: 'Issue', code: 'custom', message: `body is too long ${GITHUB_TOKEN}` },
        { resource: 'Label', field: 'name', code: 'invalid' },
      ],
    };
    const cases: readonly (readonly [string, Trouble, number, RegExp, RegExp])[] = [
      [list, answers(401, told('Bad credentials')), 7, /does not accept the token$/m, /is GITHUB_TOKEN set/],
      [list, answers(404, told('Not Found')), 2, /no such thing at GitHub/, /compare GITHUB_REPOSITORY/],
      [list, answers(410, told('Issues are disabled')), 2, /no such thing at GitHub/, /whether issues are on/],
      [list, answers(403, told('API rate limit exceeded'), resetsAt), 7, /limits the rate/, /try again in \d{4} s$/m],
      [
        create,
        answers(403, told(`Not by ${GITHUB_TOKEN}`)),
        7,
        /\(Not by \[secret\]\)$/m,
        /permissions: issues: write$/m,
      ],
      [
        create,
        answers(422, invalid),
        1,
        /GitHub answers 422: Validation Failed: Issue body is too long \[secret\]; Label name invalid$/m,
        /what GitHub does not take/,
      ],
      [create, answers(503, told('no')), 7, /GitHub answers 503$/m, /try again; see https:\/\/www.githubstatus.com$/m],
      [create, (_, response) => response.destroy(), 7, /cannot open an issue: /, /try again$/m],
    ];
    for (const [at, trouble, exit, message, hint] of cases) {
      const { stored, server, task } = await world(t);
      for (let times = 0; times < 6; times += 1) server.meets(at, trouble);
      const { exitCode, stdout, stderr } = await task(['--findings', 'findings.jsonl']);
      t.equal(exitCode, exit, stderr);
      const [error = '', mends = ''] = stderr.trim().split('\n');
      t.match(error, message);
      t.match(mends, new RegExp(`^hint: .*${hint.source}`));
      t.notOk((stdout + stderr).includes(GITHUB_TOKEN));
      t.same(stored.issues, []);
    }
  },
);

t.test('what is missing or wrong is one sentence and a hint', async (t) => {
  const { task } = await world(t);
  for (const [words, message] of [
    [[], /cannot go on without --findings/],
    [['--findings', 'gone.jsonl'], /gone.jsonl/],
    [['--findings', 'cut.jsonl'], /its last line is not the result of validate/],
    [['--findings', 'other.jsonl'], /its last line is not the result of validate/],
    [['--findings', 'findings.jsonl', '--known', 'main'], /which head was known/],
  ] as const) {
    const { exitCode, stderr } = await task(words);
    t.equal(exitCode, 2, words.join(' '));
    t.match(stderr, message);
    t.match(stderr, /^hint: /m);
    t.notMatch(stderr, /\n {4}at /);
  }
  t.match(await task(['--recall'], {}), { exitCode: 2, stderr: /cannot find the secret GITHUB_TOKEN/ });
  t.match(await task(['--recall'], { GITHUB_TOKEN: 'x' }), { exitCode: 2, stderr: /cannot find the repository/ });
});
