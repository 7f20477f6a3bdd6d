import t, { type Test } from 'tap';
import { githubIssues } from '../fixture/github-issues.ts';
import { GITHUB_TOKEN, startGitHub } from '../fixture/github-server.ts';
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
