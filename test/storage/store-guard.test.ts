import { chmodSync, readdirSync, readFileSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { assertStoreMounted, freeBytes } from '../../lib/storage/store-guard.ts';
import { mountOf, parseMounts } from '../../lib/system/mounts.ts';
import { temporaryFolder } from '../temporary.ts';

const line = (path: string, type: string, options = 'rw,relatime') =>
  `36 35 98:0 / ${path.replaceAll(' ', '\\040')} ${options} shared:1 master:2 - ${type} host:/volume rw\n`;
const FUSE_MAGIC = 0x65735546;
const mountinfo = (...lines: string[]) => ({
  mountinfo: async () => [line('/', 'ext4'), ...lines].join(''),
  fileSystemAt: async () => ({ device: '98:0', magic: FUSE_MAGIC }),
});

t.test('takes the mount that the inventory names, and leaves nothing of its probe', async (t) => {
  const path = join(t.testdir({ 'my store': { db1: {} } }), 'my store');
  const mounted = mountinfo(line(path, 'fuse.glusterfs'));
  await assertStoreMounted({ path, mount: 'fuse.glusterfs' }, mounted);
  await assertStoreMounted({ path: join(path, 'db1'), mount: 'fuse.glusterfs' }, mounted);
  t.same(readdirSync(path), ['db1']);
});

t.test('refuses an unmounted volume, another file system, and a link that leads past the mount', async (t) => {
  const folder = t.testdir({ store: {}, local: {} });
  const path = join(folder, 'store');
  const store = { path, mount: 'fuse.glusterfs' };
  const refused = { code: 'refused', exitCode: 8, hint: /findmnt/ };
  await t.rejects(assertStoreMounted(store, mountinfo()), refused, 'unmounted');
  await t.rejects(assertStoreMounted(store, mountinfo(line(path, 'fuse.glusterfs2'))), refused, 'not only in part');
  await t.rejects(assertStoreMounted(store, mountinfo(line(`${path}2`, 'fuse.glusterfs'))), refused, 'beside it');
  const over = mountinfo(line(path, 'fuse.glusterfs'), line(path, 'tmpfs'));
  await t.rejects(assertStoreMounted(store, over), refused, 'hidden under another mount');
  symlinkSync(join(folder, 'local'), join(path, 'link'));
  const link = { path: join(path, 'link'), mount: 'fuse.glusterfs' };
  await t.rejects(assertStoreMounted(link, mountinfo(line(path, 'fuse.glusterfs'))), refused, 'a link');
});

t.test('refuses another volume than the one the inventory names', async (t) => {
  const path = t.testdir();
  const mounted = mountinfo(line(path, 'fuse.glusterfs'));
  await assertStoreMounted({ path, mount: 'fuse.glusterfs', source: 'host:/volume' }, mounted);
  await t.rejects(assertStoreMounted({ path, mount: 'fuse.glusterfs', source: 'host:/other' }, mounted), {
    code: 'refused',
    message: /host:\/volume is mounted at .*, not host:\/other$/,
    hint: /findmnt/,
  });
  t.same(readdirSync(path), [], 'and nothing was written there');
});

t.test('refuses a mount of which another file system answers', async (t) => {
  const path = t.testdir();
  const store = { path, mount: 'fuse.glusterfs' };
  const { mountinfo: table } = mountinfo(line(path, 'fuse.glusterfs'));
  const unlike = { code: 'refused', message: /what answers there \(device .*\) is not what is mounted/ };
  await t.rejects(assertStoreMounted(store, { mountinfo: table }), unlike, 'what the kernel says of this folder');
  for (const fact of [
    { device: '98:1', magic: FUSE_MAGIC },
    { device: '98:0', magic: 0xef53 },
  ]) {
    await t.rejects(assertStoreMounted(store, { mountinfo: table, fileSystemAt: async () => fact }), unlike);
  }
});

t.test('knows the device of a mount as the table of mounts has it', async (t) => {
  const { device, type } = mountOf(parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')), '/proc') ?? {};
  const path = '/proc/self';
  // Told as a FUSE of the device of /proc: all but the magic fits, and so the sentence has the same device twice.
  const table = async () => `${line('/', 'ext4')}36 35 ${device} / /proc rw - fuse.${type} x rw\n`;
  await t.rejects(assertStoreMounted({ path, mount: 'fuse.proc' }, { mountinfo: table }), {
    message: new RegExp(`device ${device}\\) is not what is mounted at /proc \\(${device}\\)`),
  });
});

t.test('says when the store is mounted read-only', async (t) => {
  const path = t.testdir();
  const mounted = mountinfo(line(path, 'fuse.glusterfs', 'ro,relatime'));
  await t.rejects(assertStoreMounted({ path, mount: 'fuse.glusterfs' }, mounted), {
    code: 'write-failed',
    message: /read-only/,
  });
});

t.test('takes a plain folder when there is to be no mount, and never makes it', async (t) => {
  const folder = t.testdir({ file: '' });
  await assertStoreMounted({ path: folder, mount: 'none' });
  const missing = join(folder, 'missing');
  await t.rejects(assertStoreMounted({ path: missing, mount: 'none' }), { code: 'store-unreachable', exitCode: 7 });
  await t.rejects(assertStoreMounted({ path: join(folder, 'file'), mount: 'none' }), { code: 'store-unreachable' });
  t.same(readdirSync(folder), ['file']);
});

t.test('says when the folder takes no writes', async (t) => {
  // Not even root writes into /proc; an ordinary user is also kept out by the mode of a folder.
  await t.rejects(assertStoreMounted({ path: '/proc/self', mount: 'none' }), { code: 'not-found' });
  if (process.getuid?.() === 0) return;
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  chmodSync(folder, 0o500);
  await t.rejects(assertStoreMounted({ path: folder, mount: 'none' }), { code: 'write-failed' });
});

t.test('knows how much space is left', async (t) => {
  t.ok((await freeBytes(t.testdir())) > 0);
  await t.rejects(freeBytes('/nowhere/at/all'), { code: 'not-found' });
});

t.test('what a killed run has left of its probe goes; what may be at work stays', async (t) => {
  const path = t.testdir({ '.coffre-probe-old': 'x', '.coffre-probe-young': 'x', mine: 'x' });
  const yesterday = new Date(Date.now() - 86_400_000);
  for (const name of ['.coffre-probe-old', 'mine']) utimesSync(join(path, name), yesterday, yesterday);
  await assertStoreMounted({ path, mount: 'none' });
  t.same(readdirSync(path).sort(), ['.coffre-probe-young', 'mine']);
});
