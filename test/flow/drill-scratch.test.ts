import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { assertRoom, clearScratch } from '../../lib/flow/drill-scratch.ts';
import { exists } from '../../lib/system/files.ts';
import { manifestOf } from '../fixture/manifest.ts';

const bufferPoolMegabytes = 64;

t.test('a run that would not fit is refused before anything is read, with both sizes', async (t) => {
  const folder = join(t.testdir(), 'scratch');
  const manifest = manifestOf('db1', new Date());
  await assertRoom({ folder, bufferPoolMegabytes }, manifest);
  const huge = { ...manifest, archives: manifest.archives.map((archive) => ({ ...archive, plainBytes: 2 ** 60 })) };
  await t.rejects(assertRoom({ folder, bufferPoolMegabytes }, huge), {
    code: 'no-space',
    message: /cannot drill in .*scratch: \d+ MiB are needed, and \d+ MiB are free/,
    hint: /df -h/,
  });
});

t.test('what was killed is found by its data directory alone, ended and taken away; others are not', async (t) => {
  const folder = t.testdir();
  const data = join(folder, 'server/data');
  await mkdir(data, { recursive: true });
  await writeFile(join(data, 'ibdata1'), 'x');
  await writeFile(join(folder, 'server/.coffre-drill'), '');
  const start = (argument: string) =>
    spawn('sh', ['-c', 'sleep 60 & wait', argument], { stdio: 'ignore', detached: true });
  const [left, other] = [start(`--datadir=${data}`), start(`--datadir=${data}2`)];
  const ended = new Promise((resolve) => left.once('exit', (_code, signal) => resolve(signal)));
  t.teardown(() => {
    for (const { pid } of [left, other]) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  });
  t.equal(await clearScratch({ folder }), true);
  t.equal(await ended, 'SIGTERM');
  t.equal(other.exitCode ?? other.signalCode, null, 'that of somebody else goes on');
  t.notOk(await exists(join(folder, 'server')));
  t.equal(await clearScratch({ folder }), false, 'a second time nothing is there');
});

t.test('what no drill has made is refused, and left as it is', async (t) => {
  const folder = t.testdir({ server: { hi: 'precious' } });
  const refused = { code: 'refused', message: /no drill has made what is in .*server$/, hint: /for drills alone/ };
  await t.rejects(clearScratch({ folder }), refused);
  t.ok(await exists(join(folder, 'server/hi')));
  const killedEarly = t.testdir({ server: {} });
  t.equal(await clearScratch({ folder: killedEarly }), true, 'an empty one may be of a drill that was killed at once');
});
