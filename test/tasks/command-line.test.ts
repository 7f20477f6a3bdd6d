import { readdirSync } from 'node:fs';
import t from 'tap';
import { run } from '../../lib/system/command.ts';

const root = new URL('../../', import.meta.url).pathname;
const verbs = readdirSync(`${root}tasks`)
  .map((name) => name.replace(/\.ts$/, ''))
  .filter((verb) => ['keys', 'backup', 'list', 'restore', 'validate', 'quickstart', 'comment-plans'].includes(verb));

t.equal(verbs.length, 7);

for (const verb of verbs) {
  t.test(`npx zx tasks/${verb}.ts --help works as written, with examples`, async (t) => {
    const { exitCode, stdout } = await run('npx', ['zx', `tasks/${verb}.ts`, '--help'], { cwd: root });
    t.equal(exitCode, 0);
    t.match(stdout, `usage: npx zx tasks/${verb}.ts`);
    t.match(stdout, new RegExp(`examples:\n {2}npx zx tasks/${verb}.ts`));
    t.notOk(stdout.includes('\u001b'), 'no colour without a terminal');
  });
}

t.test('an unknown option is one sentence and a hint, with exit code 2', async (t) => {
  const { exitCode, stdout, stderr } = await run('npx', ['zx', 'tasks/backup.ts', '--invetory', 'x'], { cwd: root });
  t.equal(exitCode, 2);
  t.equal(stdout, '');
  t.match(
    stderr,
    /^error: cannot read the command line: unknown option '--invetory'\nhint: npx zx tasks\/backup\.ts --help$/m,
  );
  t.notMatch(stderr, /\n {4}at /, 'no stack trace');
});

t.test('what Node says of the command line is told as one sentence', async (t) => {
  const { exitCode, stderr } = await run('npx', ['zx', 'tasks/validate.ts', '--since', '--', '--help'], { cwd: root });
  t.equal(exitCode, 2);
  t.match(stderr, /^error: cannot read the command line: option '--since' argument is ambiguous\nhint: npx/m);
});

t.test('with --json a failure is the last line of stdout, and its exit code is that of the process', async (t) => {
  const args = ['zx', 'tasks/backup.ts', '--json', '--inventory', '/nonexistent'];
  const { exitCode, stdout } = await run('npx', args, { cwd: root });
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  t.equal(exitCode, 2);
  t.match(result, { event: 'result', exitCode: 2, error: { code: 'inventory', hint: String } });
});
