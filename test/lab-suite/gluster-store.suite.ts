import { join } from 'node:path';
import t from 'tap';
import { run } from '../../lib/system/command.ts';
import { CLEAN, mountVolume } from '../lab/mounted-volume.ts';
import { whyNoLab } from '../lab/why-no-lab.ts';

/* The contract of stores on a real volume of two bricks, mounted on this machine in a mount namespace of its own. */

t.setTimeout(400_000);
const CONTRACT = join(import.meta.dirname, '../contract/gluster-store.ts');

t.test('a GlusterFS volume as a store', { skip: whyNoLab() ?? false }, async (t) => {
  const { mount, source, under, on, killBrick, startBricks, healed } = await mountVolume(t);
  /** The contract as a process that has the volume mounted. */
  const judge = async (words: readonly string[]) => {
    const node = [process.execPath, '--import=tsx', CONTRACT, mount, source, ...words];
    return await run('env', [...under, ...node]);
  };

  await t.test('it passes the contract', async (t) => {
    const { exitCode, stdout, stderr } = await judge(['contract']);
    t.equal(
      exitCode,
      0,
      stdout
        .split('\n')
        .filter((line) => /not ok/.test(line))
        .join('\n') + stderr,
    );
    t.match(stdout, /^# \{ total: \d+, pass: \d+ \}/m);
  });

  await t.test('one brick dead: a run is written; both dead: the sentence and the gluster command', async (t) => {
    await killBrick('gl2');
    const alone = await judge(['write', '2026-11-22T040000Z']);
    t.equal(alone.exitCode, 0, alone.stdout + alone.stderr);
    await killBrick('gl1');
    const dead = await judge(['write', '2026-11-23T040000Z']);
    t.match(dead.stdout, /^store-unreachable cannot .*: the volume data does not answer: .*\(ENOTCONN\)$/m);
    t.match(dead.stdout, /^hint: look at: gluster volume status data; .*umount -l .*mounted; mount /m);
  });

  await t.test('both back: nothing is lost, and nothing is left to heal', async (t) => {
    await startBricks();
    t.match(await healed(), CLEAN);
    const read = await judge(['read', '2026-11-22T040000Z']);
    t.equal(read.exitCode, 0, read.stdout + read.stderr);
    for (const name of ['gl1', 'gl2'] as const) {
      const { stdout } = await on(name, 'ls /disk/data/written/2026-11-22T040000Z');
      t.equal(stdout.trim(), 'shop.tar.gz.enc', `the brick of ${name} has it`);
    }
    const again = await judge(['write', '2026-11-24T040000Z']);
    t.equal(again.exitCode, 0, again.stdout + again.stderr);
  });
});
