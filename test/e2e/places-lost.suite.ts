import { existsSync } from 'node:fs';
import { readdir, rename, writeFile } from 'node:fs/promises';
import t from 'tap';
import { run } from '../../lib/system/command.ts';
import {
  assertFinalNamesAreWhole,
  assertNothingHalfDone,
  EXPORT,
  OFFSITE,
  runsAt,
  STORE,
} from '../fixture/nothing-half-done.ts';
import { publishedManifests } from '../fixture/published.ts';
import type { TaskEvent } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/* The store or the export breaks when the run is in both and on its way to the offsite. Either is enough. */

t.setTimeout(400_000);
const world = await worldFor(t);
// The upload takes some seconds, so that there is time to break something beside it.
const slow = await world.inventoryWith((host) => {
  host.limits = { uploadBytesPerSecond: 3_000_000 };
});
await world.goodRun();
const WAITING = `${EXPORT}/.owed-to-store`;

const isShipping = ({ event, phase }: TaskEvent) => event === 'phase-started' && phase === 'ship';

/** A run during whose shipping `befall` happens. */
async function runDuringWhich(befall: () => Promise<unknown>, under?: readonly string[]) {
  let done: Promise<unknown> | undefined;
  const ended = await world.task('backup', ['--json'], {
    inventory: slow,
    ...(under ? { under } : {}),
    onEvent: (event) => {
      if (isShipping(event)) done ??= befall();
    },
  });
  await done;
  return ended;
}

const owedBy = (stdout: string) => {
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { data?: { owed?: { what: string }[] } };
  return result.data?.owed?.map(({ what }) => what);
};

t.test('the export turns read-only: it is owed, store and offsite have the run', async (t) => {
  const flag = world.at('turn-read-only');
  // A private mount: it is gone with the process.
  const script = `mount -t tmpfs none "$1" && mount --make-private "$1" || exit 99
    ( while kill -0 $$; do test -e "$2" && exec mount -o remount,ro "$1"; sleep 0.05; done ) > /dev/null 2>&1 & shift 2; "$@"`;
  const under = ['unshare', '--mount', 'sh', '-c', script, 'sh', world.at(EXPORT), flag];
  const mayMount = await run(under[0] ?? '', [...under.slice(1), 'true']);
  if (mayMount.exitCode === 99 || mayMount.exitCode === 1) {
    t.pass('mounting is not allowed here: the export that is away stands for it');
    return;
  }
  const ended = await runDuringWhich(() => writeFile(flag, ''), under);
  t.equal(ended.exitCode, 3, ended.stdout + ended.stderr);
  t.strictSame(owedBy(ended.stdout), ['export']);
  t.match(publishedManifests(world).at(-1), {
    outcome: 'succeeded',
    dayArchive: { file: 'encrypted.dat' },
    copies: [
      { kind: 'store', state: 'complete' },
      { kind: 'export', state: 'missing', verified: null },
      { kind: 'offsite', state: 'complete' },
    ],
    error: { code: 'write-failed', phase: 'ship' },
  });
  await assertNothingHalfDone(t, world);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
  const next = await world.task('backup', []);
  t.equal(next.exitCode, 0, next.stdout + next.stderr);
  t.notMatch(next.stderr, /did not come to its record/, 'nothing was left to be settled');
});

t.test('the export is away: it is owed, and the offsite gets what it lacks from the store', async (t) => {
  const away = world.at('host/away');
  const ended = await runDuringWhich(() => rename(world.at(EXPORT), away));
  t.equal(ended.exitCode, 3, ended.stdout + ended.stderr);
  t.match(owedBy(ended.stdout), ['contractor', 'export']);
  t.match(publishedManifests(world).at(-1), {
    outcome: 'succeeded',
    dayArchive: null,
    copies: [{ kind: 'store', state: 'complete' }, { kind: 'export', state: 'missing' }, { state: 'owed' }],
  });
  await rename(away, world.at(EXPORT));
  const next = await world.task('backup', []);
  t.equal(next.exitCode, 0, next.stdout + next.stderr);
  t.match(next.stdout, /^delivered late: .* to contractor$/m);
  await assertNothingHalfDone(t, world);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
});

t.test('the store goes: it is owed, and gets the day archive when it is back', async (t) => {
  const away = world.at('host/away');
  const ended = await runDuringWhich(() => rename(world.at(STORE), away));
  t.equal(ended.exitCode, 3, ended.stdout + ended.stderr);
  t.strictSame(owedBy(ended.stdout), ['store']);
  const manifest = publishedManifests(world).at(-1);
  t.match(manifest, {
    outcome: 'succeeded',
    copies: [
      { kind: 'store', state: 'owed', verified: null },
      { kind: 'export', state: 'complete' },
      { kind: 'offsite', state: 'complete' },
    ],
    error: { code: 'store-unreachable', phase: 'ship' },
  });
  t.notOk(existsSync(world.at(STORE)), 'the store was not made anew');
  t.strictSame(await runsAt(world, WAITING), [manifest?.run]);
  await rename(away, world.at(STORE));
  const next = await world.task('backup', []);
  t.equal(next.exitCode, 0, next.stdout + next.stderr);
  t.match(next.stdout, new RegExp(`^delivered late: ${manifest?.run} to store$`, 'm'));
  t.match(publishedManifests(world).at(-1), { storeDeliveries: [{ run: manifest?.run, verified: 'read back' }] });
  t.notOk(existsSync(world.at(WAITING)));
  await assertNothingHalfDone(t, world);
  const files = await readdir(world.at(STORE, manifest?.run ?? ''));
  t.ok(files.includes('encrypted.dat'));
  for (const [verb, words] of [
    ['verify', ['--from', 'store', '--run', manifest?.run ?? '']],
    ['validate', []],
    ['list', ['--from', 'store']],
  ] as const) {
    const { exitCode, stdout, stderr } = await world.task(verb, words);
    t.equal(exitCode, 0, `${verb}: ${stdout}${stderr}`);
  }
  const words = ['--from', 'store', '--run', manifest?.run ?? '', '--overwrite', 'shop', '--overwrite', 'crm'];
  const restored = await world.restore(words);
  t.equal(restored.exitCode, 0, restored.stderr);
});

t.test('it is killed over its shipping, and the next run does not find the store: the export is enough', async (t) => {
  const away = world.at('host/away');
  const killed = await world.task('backup', ['--json'], {
    inventory: slow,
    onEvent: (event, process) => {
      if (isShipping(event)) process.kill('SIGKILL');
    },
  });
  t.equal(killed.exitCode, null);
  await rename(world.at(STORE), away);
  const next = await world.task('backup', []);
  t.equal(next.exitCode, 3, next.stdout + next.stderr);
  const [finished, own] = publishedManifests(world).slice(-2);
  for (const each of [finished, own])
    t.match(each, { outcome: 'succeeded', copies: [{ kind: 'store', state: 'owed' }, { state: 'complete' }, {}] });
  await rename(away, world.at(STORE));
  const last = await world.task('backup', []);
  t.equal(last.exitCode, 0, last.stdout + last.stderr);
  t.match(publishedManifests(world).at(-1), { storeDeliveries: [{ run: finished?.run }, { run: own?.run }] });
  await assertNothingHalfDone(t, world);
  await assertFinalNamesAreWhole(t, world);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
});
