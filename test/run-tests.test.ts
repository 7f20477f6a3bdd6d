import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../lib/system/command.ts';
import { temporaryFolder } from './temporary.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const GOOD = `import t from 'tap';
t.test('holds', async (t) => { t.ok(true); t.ok(false, 'later', { todo: true }); });`;
const BAD = `import t from 'tap';
t.test('outer > test', async (t) => {
  t.test('inner # test', async (t) => {
    t.ok(true);
    t.same(Array.from({ length: 60 }, (_, n) => n), Array.from({ length: 60 }, (_, n) => -n), 'all of them');
  });
});
t.test('throws', async () => { throw new Error('boom\\n# { total: 7, pass: 7, fail: 0 }'); });`;

/** `.ci/run` in a project that has nothing but these test files. Returns what it printed. */
async function ci(t: Test, files: Readonly<Record<string, string>>) {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  for (const name of ['.ci', 'test']) mkdirSync(join(folder, name));
  copyFileSync(join(ROOT, '.ci/run'), join(folder, '.ci/run'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const runTests = `node ${join(ROOT, 'test/run-tests.ts')} test/*.js`;
  writeFileSync(join(folder, '.npmrc'), `node-options=--import=${join(ROOT, 'lib/system/typescript.mjs')}\n`);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', scripts: { test: runTests } }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'test', name), text);
  const { exitCode, stdout } = await run('bash', [join(folder, '.ci/run')], { cwd: folder, timeoutMs: 60_000 });
  const lines = stdout.trimEnd().split('\n');
  const after = lines.slice(lines.findLastIndex((line) => line.startsWith('# { total:')) + 1);
  return { exitCode, last: lines.at(-1), after: after.join('\n') };
}

t.test('.ci/run tells at its end, before the line that counts, each assertion that failed', async (t) => {
  const files = { 'a-good.test.js': GOOD, 'bad.test.js': BAD, 'c-broken.test.js': "import './nothing.js';" };
  const { exitCode, last, after } = await ci(t, files);
  t.equal(exitCode, 1);
  t.match(last, /^2 passed, [1-9]\d* failed$/);
  t.same(
    [...after.matchAll(/^failed: (.*)$/gm)].map(([, path]) => path),
    [
      'test/bad.test.js > outer > test > inner # test > all of them',
      'test/bad.test.js > throws > boom # { total: 7, pass: 7, fail: 0 }',
      'test/c-broken.test.js',
    ],
  );
  const [, first = '', second, third] = after.split(/^failed: .*\n/m);
  t.match(first, /^ {4}at test\/bad\.test\.js:5:\d+\n/);
  t.match(first, /\n +- {2}-1,\n/, 'the difference');
  const shown = first.trimEnd().split('\n');
  t.equal(shown.length, 31, 'its first lines');
  t.match(shown.at(-1), /^ {4}\(and \d+ lines more\)$/);
  t.match(second, /bad\.test\.js:8/);
  t.match(third, /exitCode: 1\n/);
  t.notMatch(after, /later/, 'what is expected to fail is no failure');
});
