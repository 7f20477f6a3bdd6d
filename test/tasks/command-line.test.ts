import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { cleanEnvironment, run } from '../../lib/system/command.ts';

const root = new URL('../../', import.meta.url).pathname;
const VERBS = [
  ...['keys', 'backup', 'list', 'restore', 'drill', 'validate', 'verify', 'quickstart', 'comment-plans'],
  ...['report', 'status', 'audit-init', 'report-issues', 'prune', 'check', 'completions'],
];
const verbs = readdirSync(`${root}tasks`)
  .map((name) => name.replace(/\.ts$/, ''))
  .filter((verb) => VERBS.includes(verb));

t.equal(verbs.length, VERBS.length);

/** What npx would start, as .npmrc lets it: npx itself takes as long as all the rest, and once is enough. */
const NODE_OPTIONS = /^node-options=(.*)$/m.exec(readFileSync(`${root}.npmrc`, 'utf8'))?.[1] ?? '';
const zx = (words: readonly string[]) =>
  run(`${root}node_modules/.bin/zx`, words, { cwd: root, env: { ...cleanEnvironment(), NODE_OPTIONS } });

for (const verb of verbs) {
  t.test(`npx zx tasks/${verb}.ts --help works as written, with examples`, async (t) => {
    const words = [`tasks/${verb}.ts`, '--help'];
    const { exitCode, stdout } = await (verb === 'backup' ? run('npx', ['zx', ...words], { cwd: root }) : zx(words));
    t.equal(exitCode, 0);
    t.match(stdout, `usage: npx zx tasks/${verb}.ts`);
    t.match(stdout, new RegExp(`examples:\n {2}npx zx tasks/${verb}.ts`));
    t.notOk(stdout.includes('\u001b'), 'no colour without a terminal');
  });
}

t.test('an unknown option is one sentence and a hint, with exit code 2', async (t) => {
  const { exitCode, stdout, stderr } = await zx(['tasks/backup.ts', '--invetory', 'x']);
  t.equal(exitCode, 2);
  t.equal(stdout, '');
  t.match(
    stderr,
    /^error: cannot read the command line: unknown option '--invetory'\nhint: did you mean --inventory\? All of them: npx zx tasks\/backup\.ts --help$/m,
  );
  t.notMatch(stderr, /\n {4}at /, 'no stack trace');
});

t.test('an option that is like no other is not guessed at', async (t) => {
  const { stderr } = await zx(['tasks/backup.ts', '--xyzzy']);
  t.match(stderr, /unknown option '--xyzzy'\nhint: npx zx tasks\/backup\.ts --help$/m);
});

t.test('a word that a task has no use for is not left unheard', async (t) => {
  for (const [verb, ...words] of [
    ['validate', 'db2'],
    ['report', '--out', 'x.html', 'db2'],
    ['quickstart', 'db2'],
  ] as const) {
    const { exitCode, stderr } = await zx([`tasks/${verb}.ts`, ...words]);
    t.equal(exitCode, 2, verb);
    t.match(stderr, /^error: cannot read the command line: unexpected argument 'db2'\. .*\nhint: npx/m);
  }
});

t.test('what Node says of the command line is told as one sentence', async (t) => {
  const { exitCode, stderr } = await zx(['tasks/validate.ts', '--since', '--', '--help']);
  t.equal(exitCode, 2);
  t.match(stderr, /^error: cannot read the command line: option '--since' argument is ambiguous\nhint: npx/m);
});

t.test('with --json a failure is the last line of stdout, and its exit code is that of the process', async (t) => {
  const { exitCode, stdout } = await zx(['tasks/backup.ts', '--json', '--inventory', '/nonexistent']);
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  t.equal(exitCode, 2);
  t.match(result, { event: 'result', exitCode: 2, error: { code: 'inventory', hint: String } });
});
