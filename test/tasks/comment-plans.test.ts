import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PLAN_MARKER } from '../../lib/report/plan-comment.ts';
import { GITHUB_TOKEN, startGitHub } from '../fixture/github-server.ts';
import { runTask } from '../fixture/task.ts';

const HEAD = 'a'.repeat(40);
const RESULT = JSON.stringify({ event: 'result', exitCode: 0, data: { hosts: [] } });
const EVENT = JSON.stringify({ pull_request: { number: 7, head: { sha: HEAD } } });
/** None of what a CI of our own would set. */
const NOTHING = { GITHUB_TOKEN: '', GITHUB_EVENT_PATH: '', GITHUB_SHA: '', GITHUB_REPOSITORY: '', GITHUB_API_URL: '' };

function folderOf(t: Test, files: Readonly<Record<string, string>>) {
  const cwd = t.testdir(files);
  return (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runTask('comment-plans', words, { cwd, env: { ...NOTHING, ...env } });
}

t.test('prints the comment without a token, a repository or a network', async (t) => {
  const task = folderOf(t, { 'plan.jsonl': `{"event":"note"}\n${RESULT}\n` });
  const { exitCode, stdout } = await task(['--plan', 'plan.jsonl', '--commit', HEAD, '--dry-run']);
  t.equal(exitCode, 0);
  t.ok(stdout.startsWith(`${PLAN_MARKER}\n### Plan of 0 hosts\n`));
});

t.test('posts with the token of .env, and tells where', async (t) => {
  const server = await startGitHub();
  t.teardown(() => server.close());
  const files = { 'plan.jsonl': RESULT, '.env': `GITHUB_TOKEN=${GITHUB_TOKEN}\n`, 'event.json': EVENT };
  const task = folderOf(t, files);
  chmodSync(join(t.testdirName, '.env'), 0o600);
  const env = { GITHUB_REPOSITORY: 'acme/backups', GITHUB_API_URL: server.apiUrl, GITHUB_EVENT_PATH: 'event.json' };
  const { exitCode, stdout, stderr } = await task(['--plan', 'plan.jsonl', '--json'], env);
  t.equal(exitCode, 0, stderr);
  t.match(JSON.parse(stdout), { event: 'result', data: { pullRequest: 7, action: 'created', url: /^https:/ } });
  t.ok(server.comments[0]?.body.endsWith(`${HEAD}\n`));

  chmodSync(join(t.testdirName, '.env'), 0o644);
  const open = await task(['--plan', 'plan.jsonl'], env);
  t.equal(open.exitCode, 8);
  t.notMatch(open.stderr, GITHUB_TOKEN);
});

t.test('what is missing or wrong is one sentence and a hint', async (t) => {
  const files = {
    'plan.jsonl': RESULT,
    'cut.jsonl': RESULT.slice(0, 30),
    'empty.jsonl': '',
    'event.json': '{"pull_request":7}',
  };
  const task = folderOf(t, files);
  writeFileSync(join(t.testdirName, 'other.jsonl'), '{"event":"result","exitCode":0,"data":{}}\n');
  const commit = ['--commit', HEAD];
  for (const [words, env, message] of [
    [[], {}, /cannot go on without --plan/],
    [['--plan', 'plan.jsonl'], {}, /which commit/],
    [['--plan', 'plan.jsonl', '--commit', 'main'], {}, /which commit/],
    [['--plan', 'plan.jsonl', ...commit], {}, /which pull request/],
    [['--plan', 'plan.jsonl', ...commit, '--pull-request', '7;x'], {}, /which pull request/],
    [['--plan', 'plan.jsonl', ...commit, '--pull-request', '7'], {}, /cannot find the secret GITHUB_TOKEN/],
    [['--plan', 'plan.jsonl', ...commit, '--pull-request', '7'], { GITHUB_TOKEN: 'x' }, /cannot find the repository/],
    [['--plan', 'plan.jsonl'], { GITHUB_EVENT_PATH: 'event.json' }, /cannot read the event in event.json/],
    [['--plan', 'cut.jsonl', ...commit], {}, /its last line is not the result of a dry run/],
    [['--plan', 'empty.jsonl', ...commit], {}, /its last line is not/],
    [['--plan', 'other.jsonl', ...commit], {}, /its last line is not/],
    [['--plan', 'gone.jsonl', ...commit], {}, /gone.jsonl/],
  ] as const) {
    const { exitCode, stderr } = await task(words, env);
    t.equal(exitCode, 2, words.join(' '));
    t.match(stderr, message);
    t.match(stderr, /^hint: /m);
    t.notMatch(stderr, /\n {4}at /);
  }
});
