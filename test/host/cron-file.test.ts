import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type CronFile, cronFileFaults, readCronFile } from '../../lib/host/cron-file.ts';
import { temporaryFolder } from '../temporary.ts';

const good: CronFile = {
  path: '/etc/cron.d/coffre',
  text: '0 4 * * * root true\n',
  stat: { kind: 'file', mode: 0o644, uid: 0, nlink: 1, mtimeMs: 0 },
};
const faultsOf = (file: CronFile) => cronFileFaults(file, { expectedOwner: 0, userExists: (name) => name === 'root' });
const withStat = (stat: Partial<CronFile['stat']>) => faultsOf({ ...good, stat: { ...good.stat, ...stat } });

t.test('takes a file of root that nobody else can write', async (t) => {
  t.strictSame(faultsOf(good), []);
  for (const mode of [0o400, 0o600, 0o755, 0o4644]) t.strictSame(withStat({ mode }), [], mode.toString(8));
  for (const name of ['a', 'A-b_2', '-']) t.strictSame(faultsOf({ ...good, path: `/etc/cron.d/${name}` }), [], name);
});

t.test('says why cron would ignore a file', async (t) => {
  for (const name of ['coffre.partial', 'coffre~', '.coffre', 'cöffre', 'a b', 'coffre.dpkg-old']) {
    t.match(faultsOf({ ...good, path: `/etc/cron.d/${name}` }), [/its name/], name);
  }
  t.match(withStat({ mode: 0o664 }), [/others than its owner can write it: its mode is 0664/]);
  t.match(withStat({ mode: 0o646 }), [/0646/]);
  t.match(withStat({ uid: 1000 }), [/belongs to user 1000, not to user 0/]);
  t.match(withStat({ nlink: 2 }), [/2 hard links/]);
  for (const kind of ['link', 'folder', 'other'] as const) t.match(withStat({ kind }), [/not a regular file/]);
  t.match(faultsOf({ ...good, text: '0 4 * * * nosuch true\n' }), [/line 1: there is no user "nosuch"/]);
});

t.test('says everything at once, lines in their order', async (t) => {
  const text = '* * * * * nosuch true\nMAILTO=\n';
  t.match(faultsOf({ path: 'a.b', text, stat: { ...good.stat, mode: 0o666, uid: 1 } }), [
    /name/,
    /user 1/,
    /0666/,
    /line 1: there is no user/,
    /line 2: the variable MAILTO/,
  ]);
});

t.test('sees what is really there', async (t) => {
  const { path: folder, remove } = temporaryFolder();
  t.teardown(remove);
  const at = (name: string) => join(folder, name);
  writeFileSync(at('file'), good.text, { mode: 0o640 });
  t.match(await readCronFile(at('file')), {
    text: good.text,
    stat: { kind: 'file', mode: 0o640, uid: process.getuid?.(), nlink: 1 },
  });
  linkSync(at('file'), at('hard'));
  t.match(await readCronFile(at('file')), { stat: { nlink: 2 } });
  symlinkSync('file', at('soft'));
  mkdirSync(at('folder'));
  t.match(await readCronFile(at('soft')), { text: '', stat: { kind: 'link' } });
  t.match(await readCronFile(at('folder')), { text: '', stat: { kind: 'folder' } });
  t.equal(await readCronFile(at('absent')), undefined);
});
