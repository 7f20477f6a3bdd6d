import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { mountOf, parseMounts } from '../../lib/system/mounts.ts';

t.test('reads the mounts of this machine', async (t) => {
  const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  t.match(mountOf(mounts, '/proc/self'), { path: '/proc', type: 'proc' });
});

t.test('reads optional fields, octal escapes and options', async (t) => {
  const text =
    '36 35 98:0 / /mnt/a\\040b\\134c rw,noatime - fuse.glusterfs h:/v\\011 rw\nodd\n37 35 0:1 / /x ro a:1 b:2 - tmpfs t rw\n';
  t.same(parseMounts(text), [
    { path: '/mnt/a b\\c', device: '98:0', type: 'fuse.glusterfs', source: 'h:/v\t', readOnly: false },
    { path: '/x', device: '0:1', type: 'tmpfs', source: 't', readOnly: true },
  ]);
});

t.test('finds the deepest mount whose folders, not letters, begin the path', async (t) => {
  const mount = (path: string) => ({ path, device: '0:1', type: path, source: '', readOnly: false });
  const mounts = ['/mnt', '/', '/mnt/data', '/mnt/data/x'].map(mount);
  t.equal(mountOf(mounts, '/mnt/data/y')?.path, '/mnt/data');
  t.equal(mountOf(mounts, '/mnt/database')?.path, '/mnt');
  t.equal(mountOf(mounts, '/mnt/data/x')?.path, '/mnt/data/x');
  t.equal(mountOf(mounts, '/etc')?.path, '/');
  t.equal(mountOf([], '/etc'), undefined);
});

t.test('survives any text', async () => {
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseMounts(text))));
});
