import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { suitableNode } from '../../../lib/host/plan-runtime.ts';
import { run } from '../../../lib/system/command.ts';
import { requireProgram } from '../../../lib/system/programs.ts';
import { temporaryFolder } from '../../temporary.ts';

const LAUNCHER = new URL('../../../lib/host/release/launcher.sh', import.meta.url).pathname;
const sh = requireProgram('sh');

/** A release with one verb, `say`, which tells with what it was started. The folder has a blank, a quote and a dollar. */
function release(t: Test) {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const here = join(folder, "it's a $HOME `id`");
  const add = (name: string, text: string, mode = 0o755) => {
    mkdirSync(dirname(join(here, name)), { recursive: true });
    writeFileSync(join(here, name), text);
    chmodSync(join(here, name), mode);
    return join(here, name);
  };
  add('release.json', '{}', 0o644);
  add(
    'verbs/say.mjs',
    `console.log(JSON.stringify([process.execArgv, process.argv[1], process.argv.slice(2),
    process.env.NODE_OPTIONS, process.env.COFFRE_COMMAND, process.env.MALLOC_ARENA_MAX]))`,
  );
  cpSync(LAUNCHER, join(here, 'coffre'));
  const nodeOf = (name: string, version: string) => add(name, `#!/bin/sh\necho '${version}'\n`);
  const link = (name: string) => {
    mkdirSync(dirname(join(here, name)), { recursive: true });
    symlinkSync(process.execPath, join(here, name));
  };
  return { folder, here, add, nodeOf, link };
}

const started = (here: string, ...words: string[]) => [
  ['--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'],
  join(here, 'verbs/say.mjs'),
  words,
  null,
  'coffre',
  '1',
];

t.test('starts a verb with the Node that came along, however it is called', async (t) => {
  const { folder, here, link } = release(t);
  link('runtime/bin/node');
  const current = join(folder, 'current');
  symlinkSync(here, current);
  symlinkSync(join(current, 'coffre'), join(folder, 'coffre'));
  const words = ['a b', "'", '$(id)', '--help', '', '*'];
  const env = { PATH: '', NODE_OPTIONS: '--import=nothing', CDPATH: '/etc', IFS: '/c' };
  for (const [program, args, cwd] of [
    [join(here, 'coffre'), [], '/'],
    [join(current, 'coffre'), [], '/'],
    [join(folder, 'coffre'), [], '/'],
    ['./coffre', [], here],
    ['../coffre', [], here],
    [sh, ['coffre'], here],
    [sh, ['current/coffre'], folder],
  ] as const) {
    const { exitCode, stdout, stderr } = await run(program, [...args, 'say', ...words], { env, cwd });
    t.equal(exitCode, 0, stderr);
    t.strictSame(JSON.parse(stdout), started(here, ...words), `${program} ${args}`);
  }
  const byPath = await run(sh, ['-c', 'coffre say'], { env: { PATH: `${folder}:/nonexistent` } });
  t.strictSame(JSON.parse(byPath.stdout), started(here));
});

t.test('without one it takes the Node of its installation, then the first of PATH that suits', async (t) => {
  const { folder, here, nodeOf, link } = release(t);
  const call = (PATH: string) => run(join(here, 'coffre'), ['say'], { env: { PATH }, cwd: folder });
  nodeOf('old/node', 'v18.20.4');
  link('new/node');
  t.strictSame(JSON.parse((await call(`${here}/old::relative:${here}/new`)).stdout), started(here));
  link('node');
  t.strictSame(JSON.parse((await call('/nonexistent')).stdout), started(here));
});

t.test('a verb that is not there is a sentence with exit code 2', async (t) => {
  const { here } = release(t);
  const call = (words: readonly string[]) => run(join(here, 'coffre'), words);
  for (const verb of ['sya', '../verbs/say', 'say.mjs', '-x', 'say say', '/etc/passwd', 'SAY', '*', 's\ny']) {
    const { exitCode, stderr } = await call([verb]);
    t.equal(exitCode, 2, JSON.stringify(verb));
    t.match(stderr, /^error: cannot run coffre: there is no verb .*\nhint: coffre --help\n$/);
  }
  t.match(await call([]), { exitCode: 2, stdout: /^usage: coffre <verb>.*\n\nverbs:\n {2}say\n/s });
  t.match(await call(['--help']), { exitCode: 0, stdout: /verbs:\n {2}say\n/ });
});

t.test('a Node that is missing or too old is a sentence with exit code 2, too', async (t) => {
  const { here, nodeOf } = release(t);
  // The usual places of this machine may have one that suits: the launcher as it is where they have none.
  const text = readFileSync(LAUNCHER, 'utf8').replace(':/usr/local/bin:/usr/bin', '');
  t.notOk(text.includes('/usr/local/bin'));
  writeFileSync(join(here, 'coffre'), text);
  nodeOf('old/node', 'v18.20.4');
  nodeOf('broken/node', 'Segmentation fault');
  const call = (PATH: string) => run(sh, [join(here, 'coffre'), 'say'], { env: { PATH } });
  const old = await call(`${here}/old:${here}/broken:${here}/old:relative`);
  t.equal(old.exitCode, 2);
  const message = 'error: cannot run coffre: it needs Node 20.19, 22.18, or 24 and later, and there is only';
  const hint = 'hint: provision this host again: where there is no suitable Node, the release brings one along';
  t.equal(old.stderr, `${message} ${here}/old/node (18.20.4) ${here}/broken/node (Segmentation fault)\n${hint}\n`);
  const none = await call('/nonexistent');
  t.match(none, { exitCode: 2, stderr: `error: cannot run coffre: it needs Node, and there is none\n${hint}\n` });
});

t.test('its rule for Node is that of the plan', async (t) => {
  const { here, add } = release(t);
  const versions = ['v20.18.9', 'v20.19.0', 'v21.9.0', 'v22.17.9', 'v22.18.0', 'v23.11.0', 'v24.0.0', 'v100.1.0'];
  for (const version of [...versions, 'v18.20.4', 'v24.0.0-rc.1', 'x', '']) {
    // Asked for its version it answers; asked for anything else it was chosen.
    add('node', `#!/bin/sh\n[ "$1" = --version ] && echo '${version}' || echo chosen\n`);
    const { stdout } = await run(join(here, 'coffre'), ['say'], { env: { PATH: '/nonexistent' } });
    t.equal(stdout.includes('chosen'), suitableNode(version), version);
  }
});
