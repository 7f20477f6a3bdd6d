import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startThrowawaySshd } from '../../lib/host/throwaway-sshd.ts';
import { asCoffreError } from '../../lib/model/error.ts';
import { SftpOffsiteConfig } from '../../lib/model/offsite-config.ts';
import { RunId } from '../../lib/model/run-id.ts';
import { pacedOffsite } from '../../lib/storage/paced-offsite.ts';
import { openSftpOffsite } from '../../lib/storage/sftp-offsite.ts';
import { sleep } from '../../lib/system/clock.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { Pace } from '../../lib/system/pace.ts';
import { collect } from '../bytes.ts';
import { type BadLinkOptions, startBadLink } from '../fixture/bad-link.ts';
import { familyOf } from '../fixture/process-watch.ts';
import { resumableOf } from '../fixture/resumable-of.ts';
import { temporaryFolder } from '../temporary.ts';
import { until } from '../until.ts';

/* An offsite behind a line that breaks: what arrives, what is sent for it, and how it ends when there is no way any more. */

const { path: root, remove } = temporaryFolder();
const sshd = await startThrowawaySshd({ folder: join(root, 'sshd'), sftpOnly: true });
t.teardown(async () => {
  await sshd.stop();
  remove();
});

const RUN = RunId.parse('2026-11-22T040000Z');
const MIB = 1024 * 1024;

async function over(t: Test, options: BadLinkOptions, change: Partial<SftpOffsiteConfig> = {}, signal?: AbortSignal) {
  const link = await startBadLink(sshd.port, options);
  t.teardown(() => link.close());
  const path = t.testdir();
  const { address, user, hostKey, identityPath: identity } = sshd;
  const config = SftpOffsiteConfig.parse({
    ...{ name: 'contractor', kind: 'sftp', address, port: link.port, user, path, hostKey, identity },
    ...change,
  });
  const offsite = await openSftpOffsite(config, signal ? { signal } : {});
  t.teardown(() => offsite.close());
  return { link, path, offsite };
}

const factsOf = (content: Buffer) => async () => ({ sizeBytes: content.length, sha256: sha256Of(content) });

t.test('a line that is cut every two seconds delivers, and hardly anything is sent twice', async (t) => {
  const content = randomBytes(18 * MIB);
  const { link, path, offsite } = await over(t, { cutEveryMs: 2000, bytesPerSecond: 3 * MIB });
  const upload = await offsite.beginRun(RUN);
  t.equal(await upload.put('encrypted.dat', resumableOf(content), factsOf(content)), 'read back');
  t.equal(await upload.put('small', Buffer.from('abc'), factsOf(Buffer.from('abc'))), 'read back');
  await upload.commit();
  t.ok(readFileSync(join(path, RUN, 'encrypted.dat')).equals(content));
  t.same(readdirSync(path), [RUN]);
  t.ok(link.cuts() >= 2, `${link.cuts()} cuts`);
  const share = link.sentBytes() / content.length;
  t.ok(share < 1.4, `sent ${share.toFixed(2)} of what is needed`); // what is on the line when it is cut is lost
});

t.test('a line that is cut before a single segment got through gets on all the same', async (t) => {
  const content = randomBytes(3 * MIB);
  const { link, path, offsite } = await over(t, { cutEveryMs: 2000, bytesPerSecond: 600_000 });
  const upload = await offsite.beginRun(RUN);
  t.equal(await upload.put('encrypted.dat', resumableOf(content, undefined, 3 * MIB), factsOf(content)), 'read back');
  await upload.commit();
  t.ok(readFileSync(join(path, RUN, 'encrypted.dat')).equals(content));
  t.ok(link.cuts() >= 2, `${link.cuts()} cuts`);
});

t.test('a reader goes on where it was cut off', async (t) => {
  const content = randomBytes(14 * MIB);
  const { link, offsite } = await over(t, { cutEveryMs: 2000, bytesPerSecond: 5 * MIB });
  const upload = await offsite.beginRun(RUN);
  await upload.put('encrypted.dat', resumableOf(content), factsOf(content));
  await upload.commit();
  const before = link.cuts();
  const reader = await offsite.openRun(RUN);
  if (!reader) throw new Error('the run is not there');
  t.ok((await collect(reader.read('encrypted.dat', 5))).equals(content.subarray(5)));
  t.ok(link.cuts() > before, 'it was cut meanwhile');
});

t.test('the rate holds for what is sent, not for what is skipped', async (t) => {
  const content = randomBytes(6 * MIB);
  const { offsite } = await over(t, { cutEveryMs: 1500 });
  const from = performance.now();
  const upload = await pacedOffsite(offsite, new Pace({ bytesPerSecond: 3 * MIB })).beginRun(RUN);
  await upload.put('encrypted.dat', resumableOf(content), factsOf(content));
  const tookMs = performance.now() - from;
  t.ok(tookMs > 1500 && tookMs < 8000, `${Math.round(tookMs)} ms`);
});

t.test('a black hole is found out within the seconds of the inventory, and told', async (t) => {
  const { link, offsite } = await over(t, { bytesPerSecond: 10 * MIB }, { silenceSeconds: 5, reconnectSeconds: 0 });
  const upload = await offsite.beginRun(RUN);
  const content = randomBytes(20 * MIB);
  const sending = upload.put('encrypted.dat', resumableOf(content), factsOf(content));
  sending.catch(() => undefined);
  await until('some of it is sent', () => link.sentBytes() > 3 * MIB, 10_000);
  const from = performance.now();
  link.swallow();
  await t.rejects(sending, { code: 'offsite-unreachable', message: /cannot reach/, hint: /ssh -v/ });
  const tookMs = performance.now() - from;
  t.ok(tookMs > 3000 && tookMs < 9000, `${Math.round(tookMs)} ms`);
});

t.test('a server that is alive, and whose SFTP answers nothing, is lost as well', async (t) => {
  const { offsite } = await over(t, {}, { silenceSeconds: 5, reconnectSeconds: 0 });
  const upload = await offsite.beginRun(RUN);
  await upload.put('small', Buffer.from('abc'), factsOf(Buffer.from('abc')));
  const sessions = familyOf(sshd.pid).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('internal-sftp'),
  );
  t.ok(sessions.length > 0, 'its session stands still');
  for (const pid of sessions) process.kill(pid, 'SIGSTOP');
  const from = performance.now();
  const asked = offsite.listRuns();
  asked.catch(() => undefined);
  try {
    await t.rejects(asked, { code: 'offsite-unreachable', message: /it has answered nothing for 5 s/ });
  } finally {
    for (const pid of sessions) process.kill(pid, 'SIGCONT');
  }
  t.ok(performance.now() - from < 9000);
});

t.test('patience ends: the error says for how long it was tried', async (t) => {
  const { link, offsite } = await over(t, {}, { silenceSeconds: 5, reconnectSeconds: 2 });
  await link.close();
  const from = performance.now();
  await t.rejects(offsite.listRuns(), {
    code: 'offsite-unreachable',
    message: /cannot reach .*; tried \d+ times more within \d s$/,
    hint: /ssh -v/,
  });
  const tookMs = performance.now() - from;
  t.ok(tookMs > 1500 && tookMs < 6000, `${Math.round(tookMs)} ms`);
});

t.test('whoever closes or interrupts does not wait for the line', async (t) => {
  const closed = await over(t, {});
  await closed.link.close();
  const asked = closed.offsite.listRuns();
  asked.catch(() => undefined);
  await sleep(400);
  closed.offsite.close();
  await t.rejects(asked);
  const stop = new AbortController();
  const interrupted = await over(t, {}, {}, stop.signal);
  await interrupted.link.close();
  const waiting = interrupted.offsite.listRuns();
  waiting.catch(() => undefined);
  await sleep(400);
  const from = performance.now();
  stop.abort(new Error('stop'));
  await t.rejects(waiting);
  t.ok(performance.now() - from < 500);
});

t.test('another server in the place of the one that was lost is not waited for', async (t) => {
  const other = await startThrowawaySshd({ folder: join(root, 'other'), sftpOnly: true });
  t.teardown(() => other.stop());
  const { link, offsite } = await over(t, {});
  const { port } = link;
  await link.close();
  const impostor = createServer((near) => {
    const far = connect(other.port, '127.0.0.1');
    near.on('error', () => far.destroy()).pipe(far);
    far.on('error', () => near.destroy()).pipe(near);
  });
  await new Promise<void>((resolve) => impostor.listen(port, '127.0.0.1', resolve));
  t.teardown(() => impostor.close());
  const from = performance.now();
  const code = await offsite.listRuns().catch((error: unknown) => asCoffreError(error).code);
  t.equal(code, 'host-key');
  t.ok(performance.now() - from < 5000);
});
