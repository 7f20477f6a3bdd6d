import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { assertNotKilled, run, start } from '../../lib/system/command.ts';
import { temporaryFolder } from '../temporary.ts';

const COMMAND = join(import.meta.dirname, '../../lib/system/command.ts');

t.test(
  'a program leaves no promise hooks on behind it, which would make every later await three times as dear',
  async (t) => {
    // With hooks on every promise has an id of its own; without them all continuations bear the same.
    const script = `
    import { executionAsyncId } from 'node:async_hooks';
    import { run } from ${JSON.stringify(COMMAND)};
    await run('true', []);
    const ids = await Promise.all([1, 2, 3].map(() => Promise.resolve().then(() => executionAsyncId())));
    process.stdout.write(String(new Set(ids).size));
  `;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--import=./lib/system/typescript.mjs', '--input-type=module', '-e', script],
      { cwd: join(import.meta.dirname, '../..'), encoding: 'utf8' },
    );
    t.equal(stdout, '1', stderr);
  },
);

t.test('what is said of one program does not hold for the next', async (t) => {
  const { path, remove } = temporaryFolder();
  t.teardown(remove);
  const [first, second] = await Promise.all([
    run('sh', ['-c', 'pwd; cat; echo "$WORD"'], { cwd: path, input: 'read', env: { WORD: 'extra' } }),
    run('sh', ['-c', 'pwd; cat; echo "$WORD"']),
  ]);
  t.equal(first.stdout, `${path}\nreadextra\n`);
  t.equal(second.stdout, `${process.cwd()}\n\n`);
});

t.test('of a long standard error both ends are kept, and of a short one all', async (t) => {
  const said = async (script: string) => {
    const running = start('sh', ['-c', script]);
    running.stdout.resume();
    running.stdin.end();
    return (await running.ended).stderr;
  };
  const long = await said(
    'echo begins >&2; head -c 1000000 /dev/zero | tr "\\0" x >&2; echo; echo "ERROR 1114 ends" >&2',
  );
  t.match(long, /^begins\nx+\nx+ERROR 1114 ends\n$/);
  t.ok(long.length < 70_000);
  const middling = await said('head -c 50000 /dev/zero | tr "\\0" x >&2');
  t.equal(middling, 'x'.repeat(50_000));
  t.equal(await said(':'), '');
});

t.test('where no descriptors are left, a program that cannot be started is told as that', async (t) => {
  const script = `
    import { openSync } from 'node:fs';
    import { run, start } from ${JSON.stringify(COMMAND)};
    const told = async (act) => {
      try {
        await act();
        return 'started';
      } catch ({ code, message }) {
        return code + ': ' + message;
      }
    };
    await run('true', []);
    try {
      for (;;) openSync('/dev/null', 'r');
    } catch {}
    process._rawDebug(await told(() => run('/bin/true', [])));
    process._rawDebug(await told(() => start('/bin/true', [])));
  `;
  const node = [process.execPath, '--import=./lib/system/typescript.mjs', '--input-type=module', '-e', script];
  const { stderr } = spawnSync('prlimit', ['--nofile=64', ...node], {
    cwd: join(import.meta.dirname, '../..'),
    encoding: 'utf8',
  });
  const sentence = 'out-of-resources: cannot start true: this process may have no more files open (EMFILE)';
  t.equal(stderr, `${sentence}\n${sentence}\n`);
});

t.test('a program that was killed is told as that, and one that has failed is not', async (t) => {
  const ended = await run('sh', ['-c', 'kill -9 $$']);
  t.throws(() => assertNotKilled('/usr/bin/mariadb-dump', ended), {
    code: 'program-killed',
    exitCode: 4,
    message: 'cannot go on: mariadb-dump was killed by SIGKILL',
    hint: /dmesg/,
  });
  assertNotKilled('false', await run('false', []));
});
