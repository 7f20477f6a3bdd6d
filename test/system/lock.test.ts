import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sleep } from '../../lib/system/clock.ts';
import { lockOrThrow, waitForLock } from '../../lib/system/lock.ts';

const holder = { doing: 'run 2026-11-22T040000Z', since: '2026-11-22T04:00:00Z' };

/** Another process that takes the lock and keeps it. */
async function holderProcess(path: string) {
  const script = `
    import { lockOrThrow } from './lib/system/lock.ts';
    await lockOrThrow(${JSON.stringify(path)}, ${JSON.stringify(holder)});
    process.stdout.write('held');
    setInterval(() => undefined, 1000);
  `;
  const args = ['--import=tsx', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

t.test('keeps a second process out, names the first, and ends with it even when it is killed', async (t) => {
  const path = join(t.testdir(), 'lock');
  const child = await holderProcess(path);
  const expected = { code: 'locked', exitCode: 6, message: new RegExp(`process ${child.pid} \\(run 2026`), hint: /ps/ };
  await t.rejects(lockOrThrow(path, holder), expected);
  await t.rejects(waitForLock(path, holder, 100), expected);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await lockOrThrow(path, holder);
  await lock.release();
});

t.test('keeps out within one process too, until it is released', async (t) => {
  const path = join(t.testdir(), 'lock');
  const first = await lockOrThrow(path, holder);
  await t.rejects(lockOrThrow(path, holder), { code: 'locked' });
  const waiting = waitForLock(path, holder, 10_000);
  await first.release();
  const second = await waiting;
  await t.rejects(lockOrThrow(path, holder), { code: 'locked' });
  await second.release();
  await (await lockOrThrow(path, holder)).release();
});

t.test('does not take a folder that is not there for a lock that is held', async (t) => {
  await t.rejects(lockOrThrow(join(t.testdir(), 'none', 'lock'), holder), { code: 'not-found' });
});

t.test('leaves no file behind, and however many take turns, each is alone', async (t) => {
  const path = join(t.testdir(), 'lock');
  let inside = 0;
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      const lock = await waitForLock(path, holder, 30_000);
      inside += 1;
      t.equal(inside, 1);
      await sleep(5);
      inside -= 1;
      await lock.release();
    }),
  );
  t.notOk(existsSync(path));
});

t.test('lets go of a lock also when its file cannot be taken away', async (t) => {
  const path = join(t.testdir(), 'lock');
  const lock = await lockOrThrow(path, holder);
  rmSync(path);
  mkdirSync(join(path, 'not-a-file'), { recursive: true });
  await lock.release();
  rmSync(path, { recursive: true });
  await (await lockOrThrow(path, holder)).release();
});
