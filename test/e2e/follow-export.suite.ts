import { closeSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { execute } from '../../lib/database/client.ts';
import { SEGMENT_BYTES } from '../../lib/model/segments.ts';
import { sleep } from '../../lib/system/clock.ts';
import { highWaterMark } from '../fixture/high-water-mark.ts';
import {
  assertFinalNamesAreWhole,
  assertNothingHalfDone,
  EXPORT,
  OFFSITE,
  runsAt,
  STORE,
} from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { startProxy } from '../fixture/proxy.ts';
import { publishedManifests } from '../fixture/published.ts';
import { eventsOf, type TaskEvent, type TaskProcess } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/*
 * The day archive is shipped while it still grows. The dump of crm waits at a gate, after its snapshot, so that all of this
 * happens while the dumps go on, on a machine of any speed.
 */

t.setTimeout(600_000);
const SHOP_ROWS = 30;
const world = await worldFor(t, { shopRows: SHOP_ROWS });
const proxy = await startProxy(world.contractor.port);
t.teardown(() => proxy.close());
const inventory = await world.inventoryWith((host) => {
  Object.assign(host.offsite[0] ?? {}, { port: proxy.port, reconnectSeconds: 0 });
});
const gate = world.at('gate');
const dumpOf = (database: 'crm' | 'shop', then: string) =>
  `case "$*" in
  *${database}*) "$REAL" "$@" | { head -c 6000; while [ ! -e "${gate}" ]; do sleep 0.05; done; ${then}; } ;;
  *) exec "$REAL" "$@" ;;
esac`;
const gated = await pathWith(world.at('bin-gated'), 'mariadb-dump', dumpOf('crm', 'cat'));
const failing = await pathWith(world.at('bin-failing'), 'mariadb-dump', dumpOf('crm', 'exit 1'));
const gatedShop = await pathWith(world.at('bin-gated-shop'), 'mariadb-dump', dumpOf('shop', 'cat'));
const openGate = () => writeFileSync(gate, '');

const isShipped = ({ event, phase }: TaskEvent) => event === 'progress' && phase === 'ship';
const isDumped = ({ event, phase }: TaskEvent) => event === 'phase-ended' && phase === 'dump';

interface Night {
  readonly path?: string;
  readonly under?: readonly string[];
  readonly onEvent?: (event: TaskEvent, process: TaskProcess) => void;
}

/** A run whose dump of crm waits until the gate is opened. */
async function night({ path = gated, ...rest }: Night) {
  await rm(gate, { force: true });
  return await world.task('backup', ['--json'], { inventory, env: { PATH: path }, ...rest });
}

const hiddenOffsite = async () => (await readdir(world.at(OFFSITE))).filter((name) => name.startsWith('.'));
const growingFile = () => {
  const [partial = ''] = readdirSync(world.at(EXPORT)).filter((name) => name.endsWith('.partial'));
  return world.at(EXPORT, partial, 'encrypted.dat.partial');
};

async function assertNextIsGood(t: Test) {
  proxy.mend();
  const next = await world.task('backup', [], { inventory });
  t.equal(next.exitCode, 0, next.stdout + next.stderr);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE), 'the offsite has every run of the store');
  t.strictSame(await hiddenOffsite(), [], 'and nothing else');
  await assertNothingHalfDone(t, world);
}

t.test('the upload begins while the dumps go on: they end only once something has been shipped', async (t) => {
  const ended = await night({ onEvent: (event) => isShipped(event) && openGate() });
  t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  const events = eventsOf(ended);
  t.ok(events.findIndex(isShipped) < events.findIndex(isDumped));
  const manifest = publishedManifests(world).at(-1);
  t.match(manifest, {
    copies: [{}, { kind: 'export', verified: 'read back' }, { verified: 'read back' }],
    error: null,
  });
  t.strictSame(
    manifest?.phases.map(({ name }) => name),
    ['preflight', 'dump'],
    'the manifest is signed within the shipping',
  );
  await assertNothingHalfDone(t, world);
});

t.test('an offsite that takes nothing does not hold up the dumps, nor is anything kept in memory for it', async (t) => {
  const peaks: number[] = [];
  const marks: Promise<unknown>[] = [];
  const night = async (held: boolean) => {
    if (held) proxy.hold();
    const ended = await world.task('backup', ['--json'], {
      inventory,
      onEvent: (event, { pid }) => {
        if (!isDumped(event)) return;
        marks.push(highWaterMark(pid).then((bytes) => peaks.push(bytes)));
        proxy.release();
      },
    });
    t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    await Promise.all(marks);
  };
  await night(false);
  await night(true);
  const [free = 0, held = 0] = peaks;
  t.comment(`at most ${free >> 20} MiB, and ${held >> 20} MiB while the offsite took nothing`);
  t.ok(free > 0 && held < free + SHOP_ROWS * 250_000, `${free}, then ${held}`);
  t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE));
  await assertNothingHalfDone(t, world);
});

t.test('the line is cut in the middle of it: owed, and the next run delivers', async (t) => {
  proxy.breakAfter(3_000_000, 'cut');
  proxy.onBreak(openGate);
  const ended = await night({});
  t.equal(ended.exitCode, 3, ended.stdout + ended.stderr);
  t.match(publishedManifests(world).at(-1), {
    outcome: 'succeeded',
    copies: [{ kind: 'store' }, { kind: 'export', verified: 'read back' }, { kind: 'offsite', state: 'owed' }],
    error: { code: 'offsite-unreachable', phase: 'ship' },
  });
  await assertNextIsGood(t);
  t.equal(publishedManifests(world).at(-1)?.deliveries.length, 1);
});

t.test('the export is damaged behind its writer: nothing of it is shipped as good', async (t) => {
  proxy.hold();
  let damaged = false;
  const ended = await night({
    onEvent: (event) => {
      if (isDumped(event)) proxy.release();
      if (damaged || event.phase !== 'day-archive' || statSync(growingFile()).size < SEGMENT_BYTES) return;
      damaged = true;
      const file = openSync(growingFile(), 'r+');
      writeSync(file, 'damaged', SEGMENT_BYTES / 2);
      closeSync(file);
      openGate();
    },
  });
  t.equal(ended.exitCode, 3, ended.stdout + ended.stderr);
  t.match(publishedManifests(world).at(-1), {
    outcome: 'succeeded',
    dayArchive: null,
    copies: [{ kind: 'store' }, { kind: 'export', state: 'missing' }, { kind: 'offsite', state: 'owed' }],
    error: { code: 'verification-failed', phase: 'ship' },
  });
  t.strictSame(await hiddenOffsite(), [], 'what was sent before the damage is taken away');
  await assertNextIsGood(t);
});

t.test('the export is full in the middle of it: the offsite gets the form of the store', async (t) => {
  const limit = SHOP_ROWS * 512 * 1024;
  const ended = await night({
    under: ['prlimit', `--fsize=${limit}:${limit}`],
    onEvent: (event) => isShipped(event) && openGate(),
  });
  t.equal(ended.exitCode, 3, ended.stdout + ended.stderr);
  t.match(publishedManifests(world).at(-1), {
    dayArchive: null,
    copies: [{ kind: 'store' }, { kind: 'export', state: 'missing' }, { kind: 'offsite', state: 'complete' }],
    error: { code: 'no-space', phase: 'day-archive' },
  });
  const [run = ''] = (await runsAt(world, OFFSITE)).slice(-1);
  t.ok((await readdir(world.at(OFFSITE, run))).includes('shop.tar.gz.enc'));
  t.notOk((await readdir(world.at(OFFSITE, run))).includes('encrypted.dat'));
  await assertNothingHalfDone(t, world);
  t.strictSame(await hiddenOffsite(), []);
});

t.test('a dump fails meanwhile: the run has failed, and nothing is left of it anywhere', async (t) => {
  const before = await runsAt(world, OFFSITE);
  const ended = await night({ path: failing, onEvent: (event) => isShipped(event) && openGate() });
  t.equal(ended.exitCode, 4, ended.stdout + ended.stderr);
  t.match(publishedManifests(world).at(-1), { outcome: 'failed', copies: [], error: { phase: 'dump' } });
  t.strictSame(await hiddenOffsite(), []);
  t.strictSame(await runsAt(world, OFFSITE), before);
  await assertNothingHalfDone(t, world);
});

t.test('Ctrl-C meanwhile: the same, also at the offsite', async (t) => {
  const ended = await night({ onEvent: (event, { kill }) => isShipped(event) && kill('SIGINT') });
  t.equal(ended.exitCode, 130, ended.stdout + ended.stderr);
  t.strictSame(await hiddenOffsite(), []);
  await assertNothingHalfDone(t, world);
});

t.test('Ctrl-C while the line hangs: the run ends all the same, and the next one clears up', async (t) => {
  proxy.breakAfter(3_000_000, 'hang');
  let interrupt: () => void = () => undefined;
  proxy.onBreak(() => interrupt());
  const ended = await night({
    onEvent: (_, { kill }) => {
      interrupt = () => kill('SIGINT');
    },
  });
  t.equal(ended.exitCode, 130, ended.stdout + ended.stderr);
  t.equal((await hiddenOffsite()).length, 1, 'nobody could be told');
  await assertNothingHalfDone(t, world);
  await assertNextIsGood(t);
});

t.test(
  'the largest database holds up no other: the day archive takes what is there, in an order that loads',
  async (t) => {
    await execute(world.server.root, 'CREATE DATABASE report');
    await execute(world.server.root, 'CREATE VIEW report.names AS SELECT id, name FROM crm.customer');
    const running = night({ path: gatedShop });
    let over = false;
    running.finally(() => (over = true)).catch(() => undefined);
    // Until most of crm is in it.
    const grown = () => statSync(growingFile(), { throwIfNoEntry: false })?.size ?? 0;
    while (!over && grown() < 1024 * 1024) await sleep(50);
    openGate();
    const ended = await running;
    t.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    const order = publishedManifests(world)
      .at(-1)
      ?.archives.map(({ database }) => database);
    t.strictSame(
      order?.filter((name) => name !== 'report'),
      ['crm', 'shop', null],
    );
    t.ok(order && order.map(String).indexOf('report') > order.map(String).indexOf('crm'), String(order));
    const overwrite = ['shop', 'crm', 'report'].flatMap((name) => ['--overwrite', name]);
    const restored = await world.restore(['--json', '--from', 'offsite:contractor', ...overwrite], { inventory });
    t.equal(restored.exitCode, 0, restored.stdout + restored.stderr);
    const loaded = eventsOf(restored).filter(({ event, phase }) => event === 'phase-ended' && phase === 'load');
    const inTar = loaded.map(({ subject }) => subject);
    t.strictSame(
      inTar,
      order?.map((name) => name ?? 'accounts'),
      'the manifest has the order of the tar',
    );
    await assertNothingHalfDone(t, world);
  },
);

t.test('SIGKILL meanwhile: the next run is clean', async (t) => {
  const before = publishedManifests(world).length;
  const ended = await night({ onEvent: (event, { kill }) => isShipped(event) && kill('SIGKILL') });
  t.equal(ended.exitCode, null);
  await assertFinalNamesAreWhole(t, world);
  t.equal((await hiddenOffsite()).length, 1);
  await assertNextIsGood(t);
  t.strictSame(
    publishedManifests(world)
      .slice(before)
      .map(({ outcome }) => outcome),
    ['failed', 'succeeded'],
  );
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
});
