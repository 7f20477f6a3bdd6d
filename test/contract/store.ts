import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { RunId } from '../../lib/model/run-id.ts';
import { asStage, type SealedStream } from '../../lib/model/stages.ts';
import type { StorePlace } from '../../lib/model/store-config.ts';
import { openRunFolders } from '../../lib/storage/run-folders.ts';
import { assertStoreMounted, assertStoreReadable } from '../../lib/storage/store-guard.ts';
import { lockStore, STORE_LOCK } from '../../lib/storage/store-lock.ts';
import { bytesOf } from '../bytes.ts';

/** What every store is held to. `where` is the root of a mounted volume, or a plain folder; nothing is left in it. */
export async function storeContract(t: Test, where: StorePlace): Promise<void> {
  const RUN = RunId.parse('2026-11-22T040000Z');
  const NEXT = RunId.parse('2026-11-23T040000Z');
  let folder = 0;
  /** A folder of a host of its own on the store. */
  const fresh = async (t: Test): Promise<StorePlace> => {
    folder += 1;
    const path = join(where.path, `contract-${process.pid}-${folder}`);
    await mkdir(path, { mode: 0o700 });
    t.teardown(() => rm(path, { recursive: true, force: true }));
    return { ...where, path };
  };
  const write = async (path: string, run: RunId, content: Buffer) => {
    const writing = await openRunFolders(path).beginRun(run);
    await writing.write('shop.tar.gz.enc', asStage<SealedStream>(bytesOf(content)));
    await writing.writeSmall('manifest.json', '{}');
    return writing;
  };
  const clock = { now: () => new Date() };
  const purpose = { host: 'db1', state: '/var/lib/coffre', doing: 'the run X', clock };

  await t.test('is proven to be what it is, and nothing is left of the proof', async (t) => {
    const store = await fresh(t);
    await assertStoreMounted(store);
    await assertStoreReadable(store);
    t.same(readdirSync(store.path), []);
    await t.rejects(assertStoreMounted({ ...store, mount: 'fuse.none' }), { code: 'refused', exitCode: 8 });
    if (store.mount !== 'none')
      await t.rejects(assertStoreMounted({ ...store, source: 'elsewhere:/x' }), { code: 'refused' });
    t.same(readdirSync(store.path), [], 'and nothing was written where something else is mounted');
  });

  await t.test('a run appears as a whole, is read back as it was written, and goes as a whole', async (t) => {
    const { path } = await fresh(t);
    const content = randomBytes(3_000_000);
    const writing = await write(path, RUN, content);
    const folders = openRunFolders(path);
    t.same(await folders.listRuns(), [], 'not there before it is complete');
    t.same(await folders.listPartials(), [RUN]);
    await writing.commit();
    t.same(await folders.listRuns(), [RUN]);
    const reader = await folders.openRun(RUN);
    t.same(await reader?.list(), ['manifest.json', 'shop.tar.gz.enc']);
    t.equal(await reader?.sizeOf('shop.tar.gz.enc'), content.length);
    const back: Buffer[] = [];
    for await (const chunk of reader?.read('shop.tar.gz.enc', 1_000_000, 5000) ?? []) back.push(Buffer.from(chunk));
    t.ok(Buffer.concat(back).equals(content.subarray(1_000_000, 1_005_000)));
    await folders.removeRun(RUN);
    t.same(readdirSync(path), []);
  });

  await t.test('what is not there is absent, and nothing else is', async (t) => {
    const { path } = await fresh(t);
    t.equal(await openRunFolders(path).openRun(RUN), undefined);
    await t.rejects(openRunFolders(join(path, 'none')).listRuns(), { code: 'not-found' });
    const writing = await write(path, RUN, Buffer.from('x'));
    t.equal(await writing.reader.sizeOf('none'), undefined);
    await writing.discard();
    t.same(readdirSync(path), []);
  });

  await t.test('a run is never written twice, and what a killed one left is cleared away', async (t) => {
    const { path } = await fresh(t);
    await (await write(path, RUN, Buffer.from('one'))).commit();
    await t.rejects(openRunFolders(path).beginRun(RUN), { code: 'refused', exitCode: 8 });
    await write(path, NEXT, Buffer.from('left'));
    const again = await write(path, NEXT, Buffer.from('two'));
    await again.commit();
    t.equal(readFileSync(join(path, RUN, 'shop.tar.gz.enc'), 'utf8'), 'one');
    t.equal(readFileSync(join(path, NEXT, 'shop.tar.gz.enc'), 'utf8'), 'two');
  });

  /** Another process that takes the lock and keeps it: of this machine, or as if it were of another one. */
  const holder = async (t: Test, path: string, other?: string) => {
    const script = `
      import { lockStore } from './lib/storage/store-lock.ts';
      await lockStore({ path: ${JSON.stringify(path)}, clock: { now: () => new Date() }, timing: { beatMs: 100, watchMs: 0 },
        host: 'db2', state: '/elsewhere', doing: 'the run Y' });
      process.stdout.write('held');
      setInterval(() => undefined, 1000);
    `;
    const args = ['--import=tsx', '--input-type=module', '-e', script];
    // A host name of its own is what tells another machine from this one.
    const words = other === undefined ? args : ['-c', 'hostname "$0" && exec "$@"', other, process.execPath, ...args];
    const program = other === undefined ? process.execPath : 'unshare';
    const child = spawn(program, other === undefined ? words : ['--uts', 'sh', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    return child;
  };

  await t.test('its lock keeps everybody else out and names the holder, until that one lets go', async (t) => {
    const { path } = await fresh(t);
    const lock = await lockStore({ ...purpose, path });
    await lock.assertHeld();
    await t.rejects(lockStore({ ...purpose, path, host: 'db2' }), {
      code: 'locked',
      exitCode: 6,
      message: new RegExp(
        `the host db1 \\(process ${process.pid} on .*, the run X, since .*Z, last sign of life .*Z\\)`,
      ),
      hint: /--break-lock db1/,
    });
    await lock.release();
    t.same(readdirSync(path), []);
    const many = await Promise.allSettled(Array.from({ length: 8 }, () => lockStore({ ...purpose, path })));
    const held = many.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    t.equal(held.length, 1, 'of eight at once one has it');
    await held[0]?.release();
  });

  await t.test('the lock of a killed process of this machine is taken away at once', async (t) => {
    const { path } = await fresh(t);
    const child = await holder(t, path);
    const wish = { ...purpose, path, breakOf: undefined };
    await t.rejects(lockStore(wish), { code: 'locked', message: new RegExp(`process ${child.pid} on`) });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await lockStore(wish);
    t.match(lock.takenFrom, /^the host db2 \(process \d+ on .*, the run Y,/);
    await lock.release();
    t.same(readdirSync(path), []);
  });

  await t.test('that of a process before the last boot, too', async (t) => {
    const { path } = await fresh(t);
    const child = await holder(t, path);
    const file = join(path, STORE_LOCK);
    child.kill('SIGSTOP'); // or it would write its own boot there again
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), bootId: 'an-earlier-one' }));
    const lock = await lockStore({ ...purpose, path });
    t.match(lock.takenFrom, /the host db2/);
    await lock.release();
  });

  const skip = process.getuid?.() === 0 ? false : 'only root gives a process another host name';
  await t.test('that of another machine is broken by its name alone, and only when it is dead', { skip }, async (t) => {
    const { path } = await fresh(t);
    const child = await holder(t, path, 'db2.example.net');
    const timing = { beatMs: 1000, watchMs: 1500 };
    const wish = { ...purpose, path, timing };
    await t.rejects(lockStore({ ...wish, breakOf: 'db2' }), {
      code: 'locked',
      message: /^cannot break .* is at work$/,
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    for (const breakOf of [undefined, 'db1', 'db3'])
      await t.rejects(
        lockStore({ ...wish, breakOf }),
        { code: 'locked', message: /on db2\.example\.net/ },
        `${breakOf}`,
      );
    const lock = await lockStore({ ...wish, breakOf: 'db2' });
    t.match(lock.takenFrom, /on db2\.example\.net/);
    await lock.release();
    t.same(readdirSync(path), []);
  });

  await t.test('whose lock was broken finds out, and leaves that of the next one alone', async (t) => {
    const { path } = await fresh(t);
    const lock = await lockStore({ ...purpose, path });
    await rm(join(path, STORE_LOCK));
    const next = await lockStore({ ...purpose, path, host: 'db2' });
    await t.rejects(lock.assertHeld(), { code: 'locked', message: /the host db2 .* has it now$/ });
    await lock.release();
    t.ok(existsSync(join(path, STORE_LOCK)));
    await next.assertHeld();
    await next.release();
  });

  await t.test("a lock that nobody can read is nobody's to break", async (t) => {
    const { path } = await fresh(t);
    writeFileSync(join(path, STORE_LOCK), '');
    await t.rejects(lockStore({ ...purpose, path }), { code: 'locked', hint: /when no run is at work on any host/ });
  });
}
