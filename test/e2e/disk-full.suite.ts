import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import t from 'tap';
import { unwrapPassphrase } from '../../lib/seal/envelope.ts';
import { openPrivateKey } from '../../lib/seal/private-key.ts';
import { run } from '../../lib/system/command.ts';
import {
  assertExplained,
  assertNothingHalfDone,
  EXPORT,
  OFFSITE,
  runsAt,
  STORE,
} from '../fixture/nothing-half-done.ts';
import { type ProcessWatch, watchProcesses } from '../fixture/process-watch.ts';
import { publishedManifests } from '../fixture/published.ts';
import { eventsOf, type TaskEvent } from '../fixture/task.ts';
import { MARKER, worldFor } from '../fixture/world.ts';

/*
 * Disks that are full, by a limit on the size of a file, which works for everybody, and by a small file system where
 * mounting is allowed; and what others can see of the secrets while a good run and a restore are at work.
 */

t.setTimeout(400_000);
const world = await worldFor(t);
await world.goodRun();
const MIB = 1024 * 1024;
const overwrite = ['--overwrite', 'shop', '--overwrite', 'crm'];
const noFileLargerThan = (bytes: number) => ['prlimit', `--fsize=${bytes}:${bytes}`];

t.test('the store is full: nothing new, nothing half-done, the last run is as good as ever', async (t) => {
  const ended = await world.task('backup', [], { under: noFileLargerThan(MIB) });
  assertExplained(t, ended, 4, /^error: cannot write .*(shop|crm)\.tar\.gz\.enc: there is no space left/, /df -h /);
  await assertNothingHalfDone(t, world);
  t.match(publishedManifests(world).at(-1), { outcome: 'failed', error: { code: 'no-space', phase: 'dump' } });
  t.equal((await runsAt(world, STORE)).length, 1);
});

t.test('the export is full: the offsite gets the form of the store, and restores', async (t) => {
  const ended = await world.task('backup', [], { under: noFileLargerThan(6 * MIB) });
  t.equal(ended.exitCode, 3, ended.stderr);
  t.match(ended.stdout, /^owed: export: cannot write .*encrypted\.dat: there is no space left\nhint: .*df -h /m);
  await assertNothingHalfDone(t, world);
  t.match(publishedManifests(world).at(-1), {
    outcome: 'succeeded',
    dayArchive: null,
    copies: [{ kind: 'store' }, { kind: 'export', state: 'missing' }, { kind: 'offsite', state: 'complete' }],
    error: { code: 'no-space', phase: 'day-archive' },
  });
  const newest = (await runsAt(world, STORE)).at(-1) ?? '';
  t.notOk((await runsAt(world, EXPORT)).includes(newest));
  t.ok(existsSync(world.at(OFFSITE, newest, 'shop.tar.gz.enc')));
  const restored = await world.restore(['--from', 'offsite:contractor', '--run', newest, ...overwrite]);
  t.equal(restored.exitCode, 0, restored.stderr);
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
});

t.test('the export is missing: the same', async (t) => {
  const inventory = await world.inventoryWith((host) => {
    host.export.path = world.at('host/unplugged');
  });
  const ended = await world.task('backup', [], { inventory });
  t.equal(ended.exitCode, 3, ended.stderr);
  t.match(ended.stdout, /^owed: export: cannot use .*unplugged: there is no such folder\nhint: /m);
  await assertNothingHalfDone(t, world);
});

t.test('a small file system is full: the store, then the export', async (t) => {
  for (const { place, exitCode, sizeMib } of [
    { place: STORE, exitCode: 4, sizeMib: 2 },
    { place: EXPORT, exitCode: 3, sizeMib: 2 },
    { place: EXPORT, exitCode: 3, sizeMib: 0 },
  ]) {
    const folder = world.at('small');
    await mkdir(folder, { recursive: true });
    const inventory = await world.inventoryWith((host) => {
      (place === STORE ? host.store : host.export).path = folder;
    });
    // A private mount: it is gone with the process. What is left in it is listed before that.
    const fill = sizeMib === 0 ? `cat /dev/zero > "${folder}/older" 2> /dev/null;` : '';
    const script = `mount -t tmpfs -o size=${sizeMib || 1}m none "${folder}" || exit 99; ${fill}
      "$@"; ended=$?; ls -A "${folder}" > "${folder}.left"; exit $ended`;
    const under = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
    const mayMount = await run(under[0] ?? '', [...under.slice(1), 'true']);
    if (mayMount.exitCode !== 0) {
      t.pass('mounting is not allowed here: the limit above stands for it');
      return;
    }
    const ended = await world.task('backup', [], { inventory, under });
    t.equal(ended.exitCode, exitCode, ended.stdout + ended.stderr);
    t.match(ended.stdout + ended.stderr, /there is no space left\nhint: .*df -h /);
    t.equal((await readFile(`${folder}.left`, 'utf8')).replace('older\n', ''), '', 'nothing is left on it');
  }
});

t.test('a store without room for another run is told before anything is dumped', async (t) => {
  const folder = world.at('no-room');
  await mkdir(folder, { recursive: true });
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host.store, { path: folder, whenUnavailable: 'fail' });
  });
  const runs = world.at(STORE, (await runsAt(world, STORE))[0] ?? '');
  const script = `mount -t tmpfs -o size=14m none "${folder}" && cp -a "${runs}" "${folder}" || exit 99; "$@"`;
  const under = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
  const mayMount = await run(under[0] ?? '', [...under.slice(1), 'true']);
  if (mayMount.exitCode !== 0) {
    t.pass('mounting is not allowed here');
    return;
  }
  const ended = await world.task('backup', [], { inventory, under });
  assertExplained(t, ended, 4, /^error: cannot begin a run: the store .* has .* free, and a run takes up to/, /df -h /);
  t.match(publishedManifests(world).at(-1), { outcome: 'failed', error: { code: 'no-space', phase: 'preflight' } });
});

t.test('the store is mounted read-only', async (t) => {
  const folder = world.at('read-only');
  await mkdir(folder, { recursive: true });
  const inventory = await world.inventoryWith((host) => {
    Object.assign(host.store, { path: folder, whenUnavailable: 'fail' });
  });
  const mount = 'mount -t tmpfs none "$0" && mount -o remount,ro "$0" || exit 99; "$@"';
  const under = ['unshare', '--mount', 'sh', '-c', mount, folder];
  const mayMount = await run(under[0] ?? '', [...under.slice(1), 'true']);
  if (mayMount.exitCode !== 0) {
    t.pass('mounting is not allowed here: the folder without the right to write stands for it');
    return;
  }
  const ended = await world.task('backup', [], { inventory, under });
  assertExplained(t, ended, 4, /^error: cannot write to the store .*: it is mounted read-only/, /findmnt -T/);
  await assertNothingHalfDone(t, world);
});

t.test('every line of --json is an event and the last one the result; no secret is seen from outside', async (t) => {
  const watches: ProcessWatch[] = [];
  const watch = (_: TaskEvent, { pid }: { pid: number }) => {
    if (watches.length === 0) watches.push(watchProcesses(pid));
  };
  const seen = () => watches.splice(0).map((each) => each.end())[0];
  const backup = await world.task('backup', ['--json'], { onEvent: watch });
  const atBackup = seen();
  const restore = await world.restore(['--json', ...overwrite], { onEvent: watch });
  const atRestore = seen();
  for (const ended of [backup, restore]) {
    t.equal(ended.exitCode, 0, ended.stderr);
    t.equal(ended.stderr, '');
    const events = eventsOf(ended);
    t.match(events.at(-1), { event: 'result', exitCode: 0, data: {} });
    t.equal(events.filter(({ event }) => event === 'result').length, 1);
    t.ok(events.every(({ event }) => typeof event === 'string'));
  }
  const all = [...(atBackup?.commands ?? []), ...(atRestore?.commands ?? [])].join('\n');
  t.match(all, /mariadb-dump/, 'the dump was seen at work');
  t.match(all, /mariadb\0/, 'so was the load');
  const newest = (await runsAt(world, STORE)).at(-1) ?? '';
  const key = openPrivateKey(await readFile(world.keys.company, 'utf8'), world.keys.passphrase);
  const passphrase = unwrapPassphrase(await readFile(world.at(STORE, newest, 'company.key.enc')), key);
  const password = /password = "(.*)"/.exec(await readFile(world.at('host/etc/coffre/my.cnf'), 'utf8'))?.[1];
  const secrets = { password, run: passphrase.reveal(), key: world.keys.passphrase, row: MARKER };
  for (const [name, secret] of Object.entries(secrets)) {
    t.ok(secret && secret.length > 10, name);
    for (const at of [atBackup, atRestore]) {
      const told = [...(at?.commands ?? []), ...(at?.environments ?? [])].filter((text) => text.includes(secret ?? ''));
      t.strictSame(told, [], `no process tells the ${name} secret`);
    }
  }
  const state = await readdir(world.at('host/var/lib/coffre'), { recursive: true });
  t.notOk(state.some((name) => name.endsWith('.partial')));
});
