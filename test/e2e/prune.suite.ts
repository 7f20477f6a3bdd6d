import { readdir } from 'node:fs/promises';
import t from 'tap';
import { sftpOffsites } from '../../lib/model/offsite-config.ts';
import { worldFor } from '../fixture/world.ts';

/* Nights of a real host, whose retention has something to do after each of them. */

t.test('each night keeps what is asked for, and what is left can be restored', async (t) => {
  const world = await worldFor(t);
  const retention = { store: { daily: 1 }, export: { daily: 1 }, offsite: { daily: 1 } };
  const inventory = await world.inventoryWith((host) => Object.assign(host, { retention }));
  for (const _ of [1, 2]) await world.goodRun(); // without a retention nothing goes
  const host = await world.host();
  const places = [host.store.path, host.export.path, sftpOffsites(host.offsite)[0]?.path ?? ''];
  const there = async () =>
    await Promise.all(places.map(async (path) => (await readdir(path)).filter((name) => /^\d/.test(name))));
  t.same(
    (await there()).map(({ length }) => length),
    [2, 2, 2],
  );

  const { exitCode, stdout, stderr } = await world.task('backup', ['--json'], { inventory });
  t.equal(exitCode, 0, stderr);
  const { pruned } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}').data ?? {};
  t.same(
    pruned.map(({ place, removed }: { place: string; removed: string[] }) => [place, removed.length]),
    [
      ...[
        ['store', 2],
        ['export', 2],
        ['offsite:contractor', 2],
      ],
    ],
  );
  const [stored, ...others] = await there();
  t.equal(stored?.length, 1);
  for (const other of others) t.same(other, stored, 'the same run is left everywhere');

  const listed = await world.task('list', ['--from', 'audit', '--json'], { inventory });
  t.match(listed.stdout, /prune/);
  t.equal((await world.task('validate', [], { inventory })).exitCode, 0);
  const back = await world.restore(['--from', 'offsite:contractor', '--database', 'shop', '--overwrite', 'shop']);
  t.equal(back.exitCode, 0, back.stderr);
});
