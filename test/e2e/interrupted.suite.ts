import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import t from 'tap';
import { queryLines } from '../../lib/database/client.ts';
import { inspectTarget } from '../../lib/database/target.ts';
import {
  assertFinalNamesAreWhole,
  assertNothingHalfDone,
  OFFSITE,
  runsAt,
  STORE,
} from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { startProxy } from '../fixture/proxy.ts';
import { publishedManifests } from '../fixture/published.ts';
import { eventsOf, type TaskEvent } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';

/*
 * Ctrl-C, and a kill, in every phase of a backup. Each phase is made slow, so that the signal comes in the middle of
 * it. Signals go to the whole process group, as those of a terminal do.
 */

t.setTimeout(400_000);
const world = await worldFor(t);
const proxy = await startProxy(world.contractor.port);
t.teardown(() => proxy.close());
const hook = world.at('audit.git/hooks/pre-receive');
const inventory = await world.inventoryWith((host) => {
  host.compression = { program: 'gzip' };
  Object.assign(host.offsite[0] ?? {}, { port: proxy.port, reconnectSeconds: 0 });
});
const slowClient = await pathWith(world.at('bin-client'), 'mariadb', 'sleep 2; exec "$REAL" "$@"');
const slowGzip = await pathWith(world.at('bin-gzip'), 'gzip', 'sleep 2; exec "$REAL" "$@"');

interface Moment {
  readonly phase: string;
  readonly path?: string;
  prepare?(): Promise<void>;
  /** Whether this is the event after which the signal is sent. */
  isNow(event: TaskEvent): boolean;
  readonly delayMs?: number;
  mend?(): Promise<void>;
  /** What becomes of a run that is interrupted here, and of one that is killed. */
  readonly outcomes: { readonly interrupted: string; readonly killed: string };
}

const MOMENTS: readonly Moment[] = [
  {
    phase: 'preflight',
    path: slowClient,
    isNow: ({ event, phase }) => event === 'phase-started' && phase === 'preflight',
    delayMs: 1000,
    outcomes: { interrupted: 'failed', killed: 'failed' },
  },
  {
    phase: 'dump',
    path: slowGzip,
    isNow: ({ event, text }) => event === 'note' && /^one snapshot/.test(text ?? ''),
    delayMs: 500,
    outcomes: { interrupted: 'failed', killed: 'failed' },
  },
  {
    phase: 'day archive',
    isNow: ({ event, phase }) => event === 'progress' && phase === 'day-archive',
    outcomes: { interrupted: 'failed', killed: 'failed' },
  },
  {
    phase: 'ship',
    prepare: async () => proxy.breakAfter(2_000_000, 'hang'),
    isNow: ({ event, phase }) => event === 'phase-started' && phase === 'ship',
    delayMs: 500,
    mend: async () => proxy.mend(),
    outcomes: { interrupted: 'succeeded', killed: 'succeeded' },
  },
  {
    phase: 'publish',
    prepare: async () => {
      await mkdir(dirname(hook), { recursive: true });
      await writeFile(hook, '#!/bin/sh\nsleep 3\n');
      await chmod(hook, 0o755);
    },
    isNow: ({ event, phase }) => event === 'phase-started' && phase === 'publish',
    delayMs: 1000,
    mend: () => rm(hook),
    outcomes: { interrupted: 'succeeded', killed: 'succeeded' },
  },
];

/** A run that gets `signal` at that moment. */
async function strikeAt(moment: Moment, signal: NodeJS.Signals) {
  const { path, isNow, delayMs = 0 } = moment;
  await moment.prepare?.();
  const ended = await world.task('backup', ['--json'], {
    inventory,
    ...(path === undefined ? {} : { env: { PATH: path } }),
    onEvent: (event, process) => {
      if (isNow(event)) setTimeout(() => process.kill(signal), delayMs);
    },
  });
  await moment.mend?.();
  return ended;
}

await world.goodRun(inventory);

for (const moment of MOMENTS) {
  t.test(`Ctrl-C and SIGKILL in the phase ${moment.phase}: the next run succeeds and tells of both`, async (t) => {
    const before = publishedManifests(world).length;
    const interrupted = await strikeAt(moment, 'SIGINT');
    t.equal(interrupted.exitCode, 130, interrupted.stdout);
    t.match(eventsOf(interrupted).at(-1), { event: 'result', exitCode: 130, error: { code: 'interrupted' } });
    await assertNothingHalfDone(t, world);

    const killed = await strikeAt(moment, 'SIGKILL');
    t.equal(killed.exitCode, null, killed.stdout);
    await assertFinalNamesAreWhole(t, world);

    const next = await world.task('backup', [], { inventory });
    t.equal(next.exitCode, 0, next.stderr);
    t.match(next.stdout, /succeeded in/);
    if (['dump', 'day archive', 'ship'].includes(moment.phase))
      t.match(next.stderr, /the lock of the store was left by the host db1 \(process \d+ on .*\), which is over/);
    await assertNothingHalfDone(t, world);
    t.strictSame(
      publishedManifests(world)
        .slice(before)
        .map(({ outcome }) => outcome),
      [moment.outcomes.interrupted, moment.outcomes.killed, 'succeeded'],
    );
    t.strictSame(await runsAt(world, OFFSITE), await runsAt(world, STORE), 'the offsite has every run of the store');
  });
}

t.test('Ctrl-C in the middle of a load: what is half-loaded goes, and the old database is back', async (t) => {
  const half =
    'case "$*" in *binary-mode*) { stdbuf -o0 head -c 4500000; sleep 5; cat; } | "$REAL" "$@";; *) exec "$REAL" "$@";; esac';
  const ended = await world.restore(['--json', '--database', 'shop', '--overwrite', 'shop'], {
    env: { PATH: await pathWith(world.at('bin-half'), 'mariadb', half) },
    onEvent: ({ event, phase }, { kill }) => {
      if (event === 'progress' && phase === 'load') kill('SIGINT');
    },
  });
  t.equal(ended.exitCode, 130, ended.stdout);
  t.match(ended.stdout, /its load was cut short, and what was there of it is dropped again/);
  t.match(ended.stdout, /the old database is back in its place, as it was/);
  const { databases } = await inspectTarget(world.server.root);
  t.strictSame([...databases].filter((name) => /shop|crm|coffre/.test(name)).sort(), ['crm', 'shop']);
  t.strictSame(await queryLines(world.server.root, 'SELECT COUNT(*) FROM shop.customer'), ['10'], 'with all its rows');
  const again = await world.restore(['--database', 'shop', '--overwrite', 'shop']);
  t.equal(again.exitCode, 0, again.stderr);
});

t.test('two runs at once: the second is skipped, says who holds the lock, and is published', async (t) => {
  let second: ReturnType<typeof world.task> | undefined;
  const one = await world.task('backup', ['--json'], {
    inventory,
    env: { PATH: slowGzip },
    onEvent: ({ event, text }) => {
      if (event === 'note' && /^one snapshot/.test(text ?? '')) second = world.task('backup', [], { inventory });
    },
  });
  const two = await second;
  t.equal(one.exitCode, 0, one.stdout);
  t.equal(two?.exitCode, 6);
  t.match(two?.stderr, /^error: cannot lock .*: process \d+ \(the run .*\) holds it\nhint: wait for it/m);
  const outcomes = publishedManifests(world)
    .slice(-2)
    .map(({ outcome }) => outcome);
  t.strictSame(outcomes.sort(), ['skipped', 'succeeded']);
  await assertNothingHalfDone(t, world);
  const validated = await world.task('validate', []);
  t.equal(validated.exitCode, 0, validated.stdout);
});
