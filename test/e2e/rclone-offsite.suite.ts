import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startWebDav, withoutRclone, writeRcloneConfig } from '../fixture/rclone.ts';
import { worldFor } from '../fixture/world.ts';
import { temporaryFolder } from '../temporary.ts';

/* Nights of a host whose only offsite is a WebDAV server that rclone reaches. */

t.setTimeout(600_000);
if (withoutRclone) t.comment(`not tried: ${withoutRclone}`);
else await nights();

async function nights(): Promise<void> {
  const { path: folder, remove } = temporaryFolder();
  const dav = await startWebDav(folder);
  t.teardown(async () => {
    await dav.stop();
    remove();
  });
  const conf = temporaryFolder();
  t.teardown(conf.remove);
  const config = writeRcloneConfig(join(conf.path, 'rclone.conf'), {
    archive: { type: 'webdav', url: dav.url, vendor: 'other' },
  });
  const world = await worldFor(t);
  const offsite = [{ name: 'archive', kind: 'rclone', remote: 'archive:runs/db1', config }];
  const retention = { offsite: { daily: 1 } };
  const plain = await world.inventoryWith((host) => Object.assign(host, { offsite, retention: {} }));
  const pruning = await world.inventoryWith((host) => Object.assign(host, { offsite, retention }));
  const runs = async () => (await readdir(join(folder, 'runs', 'db1'))).filter((name) => /^\d/.test(name)).sort();

  t.test('a run arrives, is verified there, and restores from there', async (t) => {
    const { exitCode, stdout, stderr } = await world.task('backup', ['--json'], { inventory: plain });
    t.equal(exitCode, 0, `${stdout}${stderr}`);
    const { copies } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}').data.manifest;
    t.match(copies.at(-1), { kind: 'offsite', offsite: 'archive', state: 'complete', verified: 'read back' });
    t.equal((await runs()).length, 1);
    const verified = await world.task('verify', ['--from', 'offsite:archive'], { inventory: plain });
    t.equal(verified.exitCode, 0, verified.stdout + verified.stderr);
    const back = await world.restore(['--from', 'offsite:archive', '--database', 'shop', '--overwrite', 'shop'], {
      inventory: plain,
    });
    t.equal(back.exitCode, 0, back.stderr);
  });

  t.test('what cannot be sent is owed, delivered by the next run, and then the older ones go', async (t) => {
    const aside = `${config}.aside`;
    await rename(config, aside);
    const owing = await world.task('backup', [], { inventory: plain });
    t.equal(owing.exitCode, 3, owing.stdout + owing.stderr);
    t.match(owing.stdout + owing.stderr, /rclone --config .* config/);
    t.equal((await runs()).length, 1);
    await rename(aside, config);
    const { exitCode, stdout, stderr } = await world.task('backup', [], { inventory: pruning });
    t.equal(exitCode, 0, stdout + stderr);
    t.equal((await runs()).length, 1, 'one of this day is left');
    const listed = await world.task('list', ['--from', 'offsite:archive'], { inventory: pruning });
    t.match(listed.stdout, new RegExp((await runs())[0] ?? 'none'));
    t.equal((await world.task('validate', [], { inventory: pruning })).exitCode, 0);
  });
}
