import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { folderResource, noFolder } from '../../lib/host/folder-resource.ts';
import type { Resource } from '../../lib/model/plan.ts';

const modeOf = async (path: string) => (await stat(path)).mode & 0o7777;

async function converge(resource: Resource): Promise<void> {
  const change = await resource.inspect();
  if (change) await resource.apply(change);
}

t.test('a folder is made with its parents, and then there is nothing to change', async (t) => {
  const path = join(t.testdir(), 'a/b');
  const resource = folderResource({ path, mode: 0o755 });
  t.strictSame(await resource.inspect(), { action: 'create', kind: 'folder', name: path, lines: ['+mode 0755'] });
  await converge(resource);
  t.equal(await modeOf(path), 0o755);
  t.equal(await resource.inspect(), undefined);
});

t.test('a folder that others can write to is closed to them, and no more than that is changed', async (t) => {
  const path = join(t.testdir(), 'open');
  await mkdir(path);
  await chmod(path, 0o2775);
  const resource = folderResource({ path, mode: 0o700 });
  t.strictSame((await resource.inspect())?.lines, ['-mode 2775', '+mode 2755']);
  await converge(resource);
  t.equal(await resource.inspect(), undefined);
});

t.test('a private folder has its mode exactly', async (t) => {
  const path = join(t.testdir(), 'private');
  await mkdir(path);
  await chmod(path, 0o750);
  const resource = folderResource({ path, mode: 0o700, private: true });
  t.strictSame((await resource.inspect())?.lines, ['-mode 0750', '+mode 0700']);
  await converge(resource);
  t.equal(await modeOf(path), 0o700);
});

t.test('a file or a link in its place is refused', async (t) => {
  const folder = t.testdir();
  await writeFile(join(folder, 'file'), '');
  await symlink(folder, join(folder, 'link'));
  for (const name of ['file', 'link']) {
    await t.rejects(folderResource({ path: join(folder, name), mode: 0o700 }).inspect(), { code: 'refused' }, name);
  }
});

t.test('only an empty folder is taken away', async (t) => {
  const path = join(t.testdir(), 'folder');
  t.equal(await noFolder(path).inspect(), undefined);
  await mkdir(path);
  await writeFile(join(path, 'backup'), '');
  t.equal(await noFolder(path).inspect(), undefined, 'what others put in stays');
  await noFolder(path).apply({ action: 'remove', kind: 'folder', name: path, lines: [] });
  t.ok((await stat(join(path, 'backup'))).isFile(), 'also when it came in between');
});
