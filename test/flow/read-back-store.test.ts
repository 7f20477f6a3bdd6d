import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readBackStore } from '../../lib/flow/read-back-store.ts';
import { signerOf } from '../fixture/signer.ts';
import { smallRun } from '../fixture/small-run.ts';

t.test('what lies in the store is read to its end before a run counts', async (t) => {
  const folder = t.testdir();
  const { run, signed, write } = await smallRun(await signerOf(t, 'db1'), new Date('2026-11-22T04:00:00Z'));
  const partial = join(folder, `.${run}.partial`);
  renameSync(await write(folder, 'store'), partial);
  const context = { emit: () => undefined, signal: new AbortController().signal };
  const look = () => readBackStore(folder, signed.manifest, context);
  await look();
  for (const name of ['shop.tar.gz.enc', 'shop.tar.gz.enc.segments', 'company.key.enc', 'RECOVERY.txt']) {
    const file = join(partial, name);
    const whole = readFileSync(file);
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    writeFileSync(file, damaged);
    await t.rejects(look(), { code: 'verification-failed', exitCode: 5 }, `${name} with another byte`);
    rmSync(file);
    await t.rejects(look(), { message: /^cannot /, hint: /ls -la/ }, `${name} is gone`);
    writeFileSync(file, whole);
  }
  await look();
});
