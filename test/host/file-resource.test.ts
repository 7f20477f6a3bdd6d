import { chmod, lstat, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { fileResource, noFile } from '../../lib/host/file-resource.ts';
import type { Resource } from '../../lib/model/plan.ts';

const wanted = (path: string) => fileResource({ path, content: async () => 'one\ntwo\nthree\n', mode: 0o640 });

async function converge(resource: Resource): Promise<void> {
  const change = await resource.inspect();
  if (change) await resource.apply(change);
}

t.test('a file is made, and then there is nothing to change', async (t) => {
  const path = join(t.testdir(), 'file');
  const resource = wanted(path);
  t.strictSame(await resource.inspect(), {
    action: 'create',
    kind: 'file',
    name: path,
    lines: ['+mode 0640', '+one', '+two', '+three'],
  });
  await t.rejects(readFile(path), { code: 'ENOENT' }, 'looking changes nothing');
  await converge(resource);
  t.equal(await readFile(path, 'utf8'), 'one\ntwo\nthree\n');
  t.equal((await lstat(path)).mode & 0o7777, 0o640);
  t.equal(await resource.inspect(), undefined);
});

t.test('what a hand has changed is shown as a diff, and mended', async (t) => {
  const path = join(t.testdir(), 'file');
  const resource = wanted(path);
  await converge(resource);
  await writeFile(path, 'one\n2\nthree\n');
  await chmod(path, 0o666);
  t.strictSame((await resource.inspect())?.lines, ['-mode 0666', '+mode 0640', ' one', '-2', '+two', ' three']);
  await converge(resource);
  t.equal(await resource.inspect(), undefined);
  t.equal((await lstat(path)).mode & 0o7777, 0o640);
});

t.test('a link is replaced, and what it points to stays', async (t) => {
  const folder = t.testdir();
  await writeFile(join(folder, 'other'), 'mine\n');
  await symlink('other', join(folder, 'file'));
  await converge(wanted(join(folder, 'file')));
  t.ok((await lstat(join(folder, 'file'))).isFile());
  t.equal(await readFile(join(folder, 'other'), 'utf8'), 'mine\n');
});

t.test('a folder in its place is refused, and so is taking one away', async (t) => {
  const path = join(t.testdir(), 'file');
  await mkdir(path);
  await t.rejects(wanted(path).inspect(), { code: 'refused', hint: /ls -ld/ });
  await t.rejects(noFile(path).inspect(), { code: 'refused' });
});

t.test('a file that must not be is taken away once', async (t) => {
  const path = join(t.testdir(), 'file');
  t.equal(await noFile(path).inspect(), undefined);
  await writeFile(path, '');
  t.strictSame(await noFile(path).inspect(), { action: 'remove', kind: 'file', name: path, lines: [] });
  await converge(noFile(path));
  await t.rejects(lstat(path), { code: 'ENOENT' });
});

t.test('a file in a folder that is not there yet can be planned', async (t) => {
  const path = join(t.testdir(), 'not/there/file');
  t.match(await wanted(path).inspect(), { action: 'create' });
  await t.rejects(wanted(path).apply({ action: 'create', kind: 'file', name: path, lines: [] }), { code: 'not-found' });
});
