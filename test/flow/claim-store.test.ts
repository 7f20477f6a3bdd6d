import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { claimStore } from '../../lib/flow/claim-store.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { STORE_LOCK } from '../../lib/storage/store-lock.ts';
import { signerOf } from '../fixture/signer.ts';
import { smallRun } from '../fixture/small-run.ts';

const context = { clock: { now: () => new Date() }, emit: () => undefined };
const RUN = RunId.parse('2026-11-23T040000Z');
const hostAt = (name: string, path: string) =>
  ({ name, store: { path, mount: 'none' }, state: { path: '/nowhere' } }) as unknown as HostConfig;

t.test('the folder of another host is refused before anything in it is touched', async (t) => {
  const path = t.testdir();
  const { run, write } = await smallRun(await signerOf(t, 'db1'), new Date('2026-11-22T04:00:00Z'));
  await write(path, 'store');
  const unfinished = `.${RUN}.partial`;
  mkdirSync(join(path, unfinished));
  await t.rejects(claimStore(hostAt('db2', path), `the run ${RUN}`, context), {
    code: 'inventory',
    exitCode: 2,
    message: /for db2: it has runs of the host db1$/,
    hint: /store\.path in inventory\/hosts\/db2\.yaml/,
  });
  t.same(readdirSync(path), [unfinished, run], 'the lock is given back');
  const lock = await claimStore(hostAt('db1', path), `the run ${RUN}`, context);
  t.ok(existsSync(join(path, STORE_LOCK)));
  await lock.release();
});

t.test('what nobody vouches for keeps no host from its store', async (t) => {
  const path = t.testdir({ [RUN]: { 'manifest.json': '{' }, '2026-11-22T040000Z': {} });
  const lock = await claimStore(hostAt('db2', path), `the run ${RUN}`, context);
  await lock.release();
  writeFileSync(join(path, 'other'), '');
  t.same(readdirSync(path).sort(), ['2026-11-22T040000Z', RUN, 'other']);
});
