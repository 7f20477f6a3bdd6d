import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { storeFolder } from '../../lib/storage/store-folder.ts';

/** A table of mounts with one of that type at `path`. */
const mounted = (path: string, type: string) => async () =>
  `1 0 0:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / ${path.replaceAll(' ', '\\040')} rw,relatime - ${type} vol rw\n`;

t.test('the folder is made on the mount that it has to be on', async (t) => {
  const volume = join(t.testdir(), 'my volume');
  mkdirSync(volume);
  const path = join(volume, 'db1/runs');
  const resource = storeFolder({ path, mount: 'fuse.glusterfs' }, mounted(volume, 'fuse.glusterfs'));
  const change = await resource.inspect();
  t.strictSame(change, {
    ...{ action: 'create', kind: 'folder', name: path, lines: [` on the fuse.glusterfs at ${volume}`, '+mode 0700'] },
  });
  if (change) await resource.apply(change);
  t.equal(statSync(path).mode & 0o777, 0o700);
  t.equal(await resource.inspect(), undefined);
});

t.test('without its mount it is never made: not on the empty folder, not on another file system', async (t) => {
  const folder = t.testdir();
  const wanted = { path: join(folder, 'volume/db1'), mount: 'fuse.glusterfs' };
  t.equal(await storeFolder(wanted, mounted('/elsewhere', 'fuse.glusterfs')).inspect(), undefined);
  mkdirSync(join(folder, 'volume'));
  t.equal(await storeFolder(wanted, mounted('/elsewhere', 'fuse.glusterfs')).inspect(), undefined);
  t.equal(await storeFolder(wanted, mounted(join(folder, 'volume'), 'nfs4')).inspect(), undefined);
  t.equal(await storeFolder(wanted, mounted(join(folder, 'vol'), 'fuse.glusterfs')).inspect(), undefined);
});

t.test('a link into the volume counts as the volume, and one out of it does not', async (t) => {
  const folder = t.testdir({ volume: { out: t.fixture('symlink', '../plain') }, plain: {} });
  const table = mounted(join(folder, 'volume'), 'fuse.glusterfs');
  symlinkSync('volume', join(folder, 'in'));
  t.match(await storeFolder({ path: join(folder, 'in/db1'), mount: 'fuse.glusterfs' }, table).inspect(), {
    action: 'create',
  });
  t.equal(
    await storeFolder({ path: join(folder, 'volume/out/db1'), mount: 'fuse.glusterfs' }, table).inspect(),
    undefined,
  );
});

t.test('a path that goes through a file is told', async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, 'file'), '');
  const resource = storeFolder({ path: join(folder, 'file/db1'), mount: 'ext4' }, mounted('/', 'ext4'));
  await t.rejects(resource.inspect(), { code: 'not-found', message: /a part of the path is not a folder/ });
});
