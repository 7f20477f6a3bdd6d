import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeFolder } from '../../lib/system/files.ts';
import { temporaryFolder } from '../fixture/signer.ts';

t.test('makes a folder with its parents, each with the mode', async (t) => {
  const folder = await temporaryFolder(t);
  await makeFolder(join(folder, 'a/b/c'), 0o700);
  for (const made of ['a', 'a/b', 'a/b/c']) t.equal(statSync(join(folder, made)).mode & 0o777, 0o700, made);
});

t.test('leaves a folder that is there as it is, also behind a link', async (t) => {
  const folder = await temporaryFolder(t);
  mkdirSync(join(folder, 'there'), { mode: 0o750 });
  symlinkSync('there', join(folder, 'link'));
  for (const name of ['there', 'link', 'link/../there/.']) await makeFolder(join(folder, name), 0o700);
  t.equal(statSync(join(folder, 'there')).mode & 0o777, 0o750);
});

t.test('ends where the kernel lets nobody make a folder, and says ENOENT', { timeout: 10_000 }, async (t) => {
  for (const path of ['/proc/coffre', '/proc/coffre/a/b'])
    await t.rejects(makeFolder(path), { code: 'not-found', cause: { code: 'ENOENT' } }, path);
});

t.test('refuses a path with a file in it, or a link to nothing', async (t) => {
  const folder = await temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('nothing', join(folder, 'link'));
  await t.rejects(makeFolder(join(folder, 'file')), { cause: { code: 'EEXIST' } });
  await t.rejects(makeFolder(join(folder, 'file/a')), { cause: { code: 'ENOTDIR' } });
  await t.rejects(makeFolder(join(folder, 'link/a')), { cause: { code: 'EEXIST' } });
});
