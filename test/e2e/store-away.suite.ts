import { existsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import t from 'tap';
import {
  assertFinalNamesAreWhole,
  assertNothingHalfDone,
  OFFSITE,
  runsAt,
  STORE,
} from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { publishedManifests } from '../fixture/published.ts';
import { worldFor } from '../fixture/world.ts';

/* Nights on which the store is not to be had, and the night after them. */

t.setTimeout(400_000);
const world = await worldFor(t);
await world.goodRun();
const [first = ''] = await runsAt(world, STORE);
const unmounted = await world.inventoryWith((host) => {
  host.store.mount = 'fuse.glusterfs';
});
const WAITING = 'host/export/.owed-to-store';

t.test('the store is not mounted: the run goes to the export and the offsite, says so, and waits', async (t) => {
  const ended = await world.task('backup', [], { inventory: unmounted });
  t.equal(ended.exitCode, 3, ended.stdout + ended.stderr);
  t.match(ended.stdout, /^owed: store: cannot write to the store .*: no fuse\.glusterfs there/m);
  t.match(publishedManifests(world).at(-1), {
    outcome: 'succeeded',
    copies: [
      { kind: 'store', state: 'owed', verified: null },
      { kind: 'export', state: 'complete' },
      { kind: 'offsite', state: 'complete' },
    ],
    error: { code: 'refused', phase: 'preflight' },
  });
  t.strictSame(await readdir(world.at(STORE)), [first], 'nothing was written where the store is not');
  await assertFinalNamesAreWhole(t, world);
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
  t.match(validated.stdout, /owed-copy/);
  const restored = await world.restore(['--overwrite', 'shop', '--overwrite', 'crm'], { inventory: unmounted });
  t.equal(restored.exitCode, 0, restored.stderr);
});

t.test('a run without its store is killed: nothing of it stays, and what waits still does', async (t) => {
  const before = await runsAt(world, WAITING);
  t.equal(before.length, 1);
  const slow = await pathWith(world.at('bin-gzip'), 'gzip', 'sleep 2; exec "$REAL" "$@"');
  const inventory = await world.inventoryWith((host) => {
    host.store.mount = 'fuse.glusterfs';
    host.compression = { program: 'gzip' };
  });
  const killed = await world.task('backup', ['--json'], {
    inventory,
    env: { PATH: slow },
    onEvent: ({ event, text }, process) => {
      if (event === 'note' && /^one snapshot/.test(text ?? '')) process.kill('SIGKILL');
    },
  });
  t.equal(killed.exitCode, null);
  t.equal((await readdir(world.at(WAITING))).length, 2, 'it was at work there');
  const next = await world.task('backup', [], { inventory: unmounted });
  t.equal(next.exitCode, 3, next.stderr);
  t.match(next.stderr, /is recorded as failed now/);
  const waiting = await runsAt(world, WAITING);
  t.equal(waiting.length, 2);
  t.strictSame(await readdir(world.at(WAITING)), waiting, 'and nothing unfinished beside them');
});

t.test('the inventory can say that such a run fails', async (t) => {
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host.store, { mount: 'fuse.glusterfs', whenUnavailable: 'fail' });
  });
  const ended = await world.task('backup', [], { inventory });
  t.equal(ended.exitCode, 8, ended.stdout);
  t.match(publishedManifests(world).at(-1), { outcome: 'failed', error: { code: 'refused', phase: 'preflight' } });
});

t.test('the store goes in the middle of the dumps: they begin again without it', async (t) => {
  const away = world.at('host/away');
  const slow = await pathWith(world.at('bin-gzip'), 'gzip', 'sleep 2; exec "$REAL" "$@"');
  const inventory = await world.inventoryWith((host) => {
    host.compression = { program: 'gzip' };
  });
  let gone: Promise<void> | undefined;
  const ended = await world.task('backup', ['--json'], {
    inventory,
    env: { PATH: slow },
    onEvent: ({ event, text }) => {
      if (event === 'note' && /^one snapshot/.test(text ?? '')) gone ??= rename(world.at(STORE), away);
    },
  });
  await gone;
  t.equal(ended.exitCode, 3, ended.stdout);
  t.match(publishedManifests(world).at(-1), {
    outcome: 'succeeded',
    givenUp: [{ code: /./ }],
    copies: [{ kind: 'store', state: 'owed' }, { state: 'complete' }, { state: 'complete' }],
    error: { code: 'store-unreachable', phase: 'dump' },
  });
  t.notOk(existsSync(world.at(STORE)), 'the store was not made anew');
  await rename(away, world.at(STORE));
});

t.test('the store is back: all that waited is taken there and compared, and nothing is left', async (t) => {
  const waiting = await runsAt(world, WAITING);
  const ended = await world.task('backup', []);
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  for (const run of waiting) t.match(ended.stdout, new RegExp(`^delivered late: ${run} to store$`, 'm'));
  t.match(publishedManifests(world).at(-1), {
    storeDeliveries: waiting.map((run) => ({ run, verified: 'read back' })),
    error: null,
  });
  await assertNothingHalfDone(t, world);
  t.strictSame(await runsAt(world, STORE), await runsAt(world, OFFSITE), 'the store has every run');
  t.notOk(existsSync(world.at(WAITING)));
  const verified = await world.task('verify', ['--from', 'store']);
  t.equal(verified.exitCode, 0, verified.stdout);
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
  t.notMatch(validated.stdout, /owed-copy/);
  const listed = await world.task('list', ['--from', 'audit']);
  t.match(listed.stdout, new RegExp(`^${waiting[0]}.*store: (?!owed)`, 'm'));
});
