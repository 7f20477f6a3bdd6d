import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { pacedOffsite } from '../../lib/storage/paced-offsite.ts';
import { openSftpOffsite } from '../../lib/storage/sftp-offsite.ts';
import { sleep } from '../../lib/system/clock.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { Pace } from '../../lib/system/pace.ts';
import { connectSsh } from '../../lib/system/ssh.ts';
import { bytesOf } from '../bytes.ts';
import { resumableOf } from '../fixture/resumable-of.ts';
import { temporaryFolder } from '../temporary.ts';

const { path: root, remove } = temporaryFolder();
const sshd = await startThrowawaySshd({ folder: join(root, 'sshd'), sftpOnly: true });
t.teardown(async () => {
  await sshd.stop();
  remove();
});
const { address, port, user, hostKey, identityPath: identity } = sshd;

const RUN = RunId.parse('2026-11-22T040000Z');
const RATE = 1_000_000;
const CONTENT = Buffer.alloc(3_000_000, 'sealed');

t.test('an upload keeps to the rate, from its first second to its last', async (t) => {
  const path = t.testdir();
  const config = SftpOffsiteConfig.parse({
    ...{ name: 'contractor', kind: 'sftp', address, port, user, path, hostKey, identity, verify: 'size' },
  });
  const offsite = pacedOffsite(await openSftpOffsite(config), new Pace({ bytesPerSecond: RATE }));
  t.teardown(() => offsite.close());
  const upload = await offsite.beginRun(RUN);
  const name = 'encrypted.dat';
  const facts = async () => ({ sizeBytes: CONTENT.length, sha256: sha256Of(CONTENT) });
  const from = performance.now();
  const sending = upload.put(name, resumableOf(CONTENT), facts);
  const sizes: { readonly ms: number; readonly bytes: number }[] = [];
  let sent = false;
  const watching = (async () => {
    for (; !sent; await sleep(100)) {
      const bytes = statSync(join(path, `.${RUN}.partial`, name), { throwIfNoEntry: false })?.size ?? 0;
      sizes.push({ ms: performance.now() - from, bytes });
    }
  })();
  t.equal(await sending, 'size only');
  const tookMs = performance.now() - from;
  sent = true;
  await watching;
  const rate = (CONTENT.length / tookMs) * 1000;
  // A machine that does other things as well may be slower than it is allowed to be.
  t.ok(rate < RATE * 1.1 && rate > RATE * 0.3, `${Math.round(rate)} bytes a second`);
  for (const { ms, bytes } of sizes) {
    const allowed = ((ms + 150) / 1000) * RATE * 1.1;
    t.ok(bytes <= allowed, `after ${Math.round(ms)} ms: ${bytes}, at most ${Math.round(allowed)}`);
  }
  t.ok(sizes.filter(({ bytes }) => bytes > 0 && bytes < CONTENT.length).length > 4, 'it grew all the time');
  await upload.commit();
  t.ok((await readFile(join(path, RUN, name))).equals(CONTENT));
});

t.test('a slow upload does not look like a dead connection to either side', async (t) => {
  const path = t.testdir();
  const connection = await connectSsh({
    ...{ address, port, user, hostKey, identity: await readFile(identity), unreachable: 'offsite-unreachable' },
    silenceMs: 1600,
  });
  t.teardown(() => connection.close());
  const sftp = await connection.sftp();
  const slow = new Pace({ bytesPerSecond: 2048 }).through(bytesOf(Buffer.alloc(6144, 'x')));
  const from = performance.now();
  t.equal(await sftp.upload(join(path, 'slow'), slow), 6144);
  t.ok(performance.now() - from > 2000);
  t.equal(statSync(join(path, 'slow')).size, 6144);
});
