import { readdir } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { run } from '../../lib/system/command.ts';
import { OFFSITE, runsAt } from '../fixture/nothing-half-done.ts';
import { pathWith } from '../fixture/programs.ts';
import { publishedManifests } from '../fixture/published.ts';
import type { TaskEvent } from '../fixture/task.ts';
import { worldFor } from '../fixture/world.ts';
import { CLEAN, mountVolume } from '../lab/mounted-volume.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';

/* Nightly runs whose store is a real volume of two bricks, while one of these dies, both die, and a file is in split-brain. */

t.setTimeout(600_000);

t.test('nights on a GlusterFS volume', { skip: whyNoLab() ?? false }, async (t) => {
  const volume = await mountVolume(t);
  const { mount, source, under, killBrick, startBricks, healed, on } = volume;
  const world = await worldFor(t);
  const store = `${mount}/db1`;
  const atMount = (script: string) => run('env', [...under, 'sh', '-c', script]);
  t.equal((await atMount(`mkdir '${store}'`)).exitCode, 0);
  const onVolume = await world.inventoryWith((host) => {
    Object.assign(host.store, { path: store, mount: 'fuse.glusterfs', source, readBack: true });
    // The upload takes some seconds, so that there is time to break something beside it.
    host.limits = { uploadBytesPerSecond: 3_000_000 };
    host.compression = { program: 'gzip' };
  });
  const PATH = await pathWith(world.at('bin-gzip'), 'gzip', 'sleep 2; exec "$REAL" "$@"');
  const night = async (isNow?: (event: TaskEvent) => boolean, befall?: () => Promise<unknown>) => {
    let done: Promise<unknown> | undefined;
    const ended = await world.task('backup', ['--json'], {
      ...{ inventory: onVolume, under },
      ...(befall === undefined ? {} : { env: { PATH } }),
      onEvent: (event) => {
        if (isNow?.(event)) done ??= befall?.();
      },
    });
    await done;
    return { ...ended, manifest: publishedManifests(world).at(-1) };
  };
  const dumping = ({ event, text }: TaskEvent) => event === 'note' && /^one snapshot/.test(`${text}`);
  const shipping = ({ event, phase }: TaskEvent) => event === 'phase-started' && phase === 'ship';
  const killBoth = () => Promise.all([killBrick('gl1'), killBrick('gl2')]);
  const verified = async (t: Test, run = '') => {
    const { exitCode, stdout, stderr } = await world.task('verify', ['--from', 'store', '--run', run], {
      inventory: onVolume,
      under,
    });
    t.equal(exitCode, 0, stdout + stderr);
  };
  const complete = { outcome: 'succeeded', error: null, copies: [{ kind: 'store', state: 'complete' }, {}, {}] };

  await t.test('one brick dies in the middle of the dumps: the run is whole, and the volume heals', async (t) => {
    t.equal((await night()).exitCode, 0);
    const { exitCode, stdout, manifest } = await night(dumping, () => killBrick('gl2'));
    t.equal(exitCode, 0, stdout);
    t.match(manifest, complete);
    t.notMatch(await healInfo(), CLEAN, 'there is something to heal');
    await startBricks();
    t.match(await healed(), CLEAN);
    // Read from the one that was dead: the other is not there to be asked.
    await killBrick('gl1');
    await verified(t, manifest?.run);
    await startBricks();
    t.match(await healed(), CLEAN);
  });

  await t.test('both die in the middle of the dumps: the run goes without, and follows', async (t) => {
    const { exitCode, stdout, manifest } = await night(dumping, killBoth);
    t.equal(exitCode, 3, stdout);
    t.match(manifest, {
      outcome: 'succeeded',
      copies: [{ kind: 'store', state: 'owed' }, { state: 'complete' }, { state: 'complete' }],
      error: { code: 'store-unreachable', phase: 'dump' },
    });
    t.match(stdout, /gluster volume status data/);
    await startBricks();
    const next = await night();
    t.equal(next.exitCode, 0, next.stdout);
    t.match(next.manifest, { ...complete, storeDeliveries: [{ run: manifest?.run, verified: 'read back' }] });
    await verified(t, manifest?.run);
    t.match(await healed(), CLEAN);
  });

  await t.test('both die during the upload: the store is owed, and gets the day archive', async (t) => {
    const { exitCode, stdout, manifest } = await night(shipping, killBoth);
    t.equal(exitCode, 3, stdout);
    t.match(manifest, {
      outcome: 'succeeded',
      copies: [{ kind: 'store', state: 'owed' }, { state: 'complete' }, { state: 'complete' }],
      error: { code: 'store-unreachable', phase: 'ship' },
    });
    await startBricks();
    const next = await night();
    t.equal(next.exitCode, 0, next.stdout);
    t.match(next.manifest, { ...complete, storeDeliveries: [{ run: manifest?.run, verified: 'read back' }] });
    await verified(t, manifest?.run);
    t.match(await healed(), CLEAN);
    const { stdout: stored } = await atMount(`ls -A '${store}'`);
    t.strictSame(stored.trim().split('\n').sort(), [...(await runsAt(world, OFFSITE))], 'and nothing unfinished');
    t.strictSame(
      (await readdir(world.at('host/export'))).filter((name) => name.startsWith('.')),
      [],
    );
  });

  await t.test('a file in split-brain: its sentence, the gluster command, and another copy restores', async (t) => {
    const run = publishedManifests(world).at(-1)?.run ?? '';
    for (const option of ['self-heal-daemon', 'data-self-heal', 'metadata-self-heal', 'entry-self-heal'])
      await on('gl1', `gluster --mode=script volume set data cluster.${option} off`);
    const file = `${store}/${run}/shop.tar.gz.enc`;
    for (const dead of ['gl2', 'gl1'] as const) {
      await killBrick(dead);
      const { exitCode, stderr } = await atMount(`printf ${dead} | dd of='${file}' conv=notrunc,fsync status=none`);
      t.equal(exitCode, 0, stderr);
      await startBricks();
    }
    t.match(
      (await on('gl1', 'gluster volume heal data info split-brain')).stdout,
      /Number of entries in split-brain: [1-9]/,
    );
    const told = await world.task('verify', ['--from', 'store', '--run', run], { inventory: onVolume, under });
    t.not(told.exitCode, 0);
    t.match(told.stdout + told.stderr, /the volume data gives an input\/output error: a file in split-brain/);
    t.match(told.stdout + told.stderr, /gluster volume heal data info split-brain/);
    const restored = await world.restore(['--run', run, '--overwrite', 'shop', '--overwrite', 'crm'], {
      inventory: onVolume,
      under,
    });
    t.equal(restored.exitCode, 0, restored.stderr);
    const next = await night();
    t.equal(next.exitCode, 0, next.stdout);
    t.match(next.manifest, complete);
  });

  async function healInfo() {
    return (await on('gl1', 'gluster volume heal data info')).stdout;
  }
});
