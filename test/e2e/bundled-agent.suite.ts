import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { extract } from 'tar';
import { buildRelease } from '../../lib/host/release/build-release.ts';
import { releaseResource } from '../../lib/host/release.ts';
import { run } from '../../lib/system/command.ts';
import { assertNothingHalfDone, OFFSITE, runsAt } from '../fixture/nothing-half-done.ts';
import { worldFor } from '../fixture/world.ts';

/*
 * The agent as a host has it: built, unpacked, installed, and started by its launcher, in a folder outside of the project
 * with no package in sight. It takes a whole backup of a real server, ships it to a real sshd, and publishes it.
 */

t.setTimeout(200_000);
const world = await worldFor(t);
const verbs = ['backup', 'keys', 'list', 'restore', 'validate', 'verify'];
const built = await buildRelease({ verbs, arch: 'x64', runtime: false, folder: world.at('built') });
await mkdir(world.at('unpacked'));
await extract({ file: built.path, cwd: world.at('unpacked') });
const resource = releaseResource({ source: world.at('unpacked'), path: world.at('host/opt coffre') });
const change = await resource.inspect();
assert.ok(change);
await resource.apply(change);
assert.equal(await resource.inspect(), undefined);
await rm(world.at('unpacked'), { recursive: true });
await rm(world.at('built'), { recursive: true });

const launcher = world.at('host/opt coffre/current/coffre');
/** As cron starts it: an environment without anything, and the root folder as the working folder. */
const agent = (...words: string[]) =>
  run('/usr/bin/env', ['-i', 'PATH=/usr/bin:/bin', launcher, ...words], { cwd: '/', timeoutMs: 60_000 });
const inventory = ['--inventory', world.inventoryFolder];

t.test('no package can be found from where it runs', async (t) => {
  for (let folder = world.at('host/opt coffre/current/verbs'); folder !== '/'; folder = join(folder, '..')) {
    t.notOk(existsSync(join(folder, 'node_modules')), folder);
  }
});

t.test('every verb tells its help, in the words of a host', async (t) => {
  for (const verb of verbs) {
    const { exitCode, stdout, stderr } = await agent(verb, '--help');
    t.equal(exitCode, 0, stderr);
    t.match(stdout, new RegExp(`^usage: coffre ${verb} `));
    t.notMatch(stdout, /npx zx/);
    t.equal(stderr, '');
  }
  const { exitCode, stderr } = await agent('backup', '--nothing');
  t.equal(exitCode, 2);
  t.match(stderr, /\nhint: coffre backup --help\n$/);
  t.match((await agent('keys', 'new', ...inventory)).stderr, /^hint: coffre keys new company --private-key /m);
});

t.test('a whole backup, its list and its validation, and a restore from the offsite', async (t) => {
  const backup = await agent('backup', ...inventory);
  t.equal(backup.exitCode, 0, backup.stdout + backup.stderr);
  await assertNothingHalfDone(t, world);
  t.equal((await runsAt(world, OFFSITE)).length, 1, 'the copy went over SSH');
  const list = await agent('list', '--from', 'offsite:contractor', '--json', ...inventory);
  t.equal(list.exitCode, 0, list.stdout + list.stderr);
  const result = JSON.parse(list.stdout.trimEnd().split('\n').at(-1) ?? '');
  t.match(result, { event: 'result', exitCode: 0, data: [{ trust: 'signed' }] });
  t.equal((await agent('validate', ...inventory)).exitCode, 0);
  const restored = await run(
    launcher,
    [
      ...['restore', '--from', 'offsite:contractor', '--key', world.keys.company, '--passphrase-fd', '0'],
      ...['--defaults-file', world.adminOptions, '--overwrite', 'shop', '--overwrite', 'crm', ...inventory],
    ],
    { cwd: '/', input: `${world.keys.passphrase}\n`, timeoutMs: 60_000 },
  );
  t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
});
