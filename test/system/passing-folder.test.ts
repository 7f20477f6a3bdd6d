import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { withPassingFolder } from '../../lib/system/passing-folder.ts';
import { temporaryFolder } from '../temporary.ts';

const { path, remove } = temporaryFolder();
t.teardown(remove);
const before = process.env.TMPDIR;
process.env.TMPDIR = path;
t.teardown(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
});

t.test('gives a private folder and takes it away, and what processes have left that are over', async (t) => {
  const space = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
  const over = spawn('true');
  await once(over, 'exit');
  const names = {
    over: `coffre-git-${space}-${over.pid}-AbC123`,
    alive: `coffre-git-${space}-${process.pid}-AbC123`,
    elsewhere: `coffre-git-1${space}-${over.pid}-AbC123`,
    another: 'coffre-AbC123',
  };
  for (const name of Object.values(names)) {
    mkdirSync(join(path, name));
    writeFileSync(join(path, name, 'known_hosts'), '');
  }
  const seen = await withPassingFolder('git', async (folder) => {
    t.equal(statSync(folder).mode & 0o777, 0o700);
    writeFileSync(join(folder, 'x'), '');
    return folder;
  });
  t.notOk(existsSync(seen));
  t.strictSame(readdirSync(path).sort(), [names.alive, names.elsewhere, names.another].sort());
});

t.test('takes it away also when what was done in it fails', async (t) => {
  const there = readdirSync(path);
  await t.rejects(
    withPassingFolder('git', () => Promise.reject(new Error('no'))),
    /no/,
  );
  t.strictSame(readdirSync(path), there);
});
