import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { RcloneOffsiteConfig } from '../../lib/model/rclone-offsite-config.ts';
import { RunId } from '../../lib/model/run-id.ts';
import type { RunUpload } from '../../lib/storage/offsite.ts';
import { checkRclone } from '../../lib/storage/rclone-check.ts';
import { readSmall } from '../../lib/storage/run-reader.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { startBadLink } from '../fixture/bad-link.ts';
import { obscured, startWebDav, withoutRclone, writeRcloneConfig } from '../fixture/rclone.ts';
import { rcloneRemotes } from '../fixture/rclone-remotes.ts';
import { resumableOf, SEGMENT, watchedResumable } from '../fixture/resumable-of.ts';

/* What is special about offsites that rclone reaches; that they are offsites is shown by test/contract. */

const RUN = RunId.parse('2026-11-22T040000Z');
const factsOf = (content: Buffer) => async () => ({ sizeBytes: content.length, sha256: sha256Of(content) });
const put = (upload: RunUpload, name: string, text: string) =>
  upload.put(name, Buffer.from(text), factsOf(Buffer.from(text)));

if (withoutRclone) t.comment(`not tried: ${withoutRclone}`);
else await tests();

async function tests(): Promise<void> {
  const { at, config } = await rcloneRemotes(t);

  t.test('a file that a cut upload has left is not sent again; one of the same size that differs is', async (t) => {
    for (const [remote, change] of [
      ['disk', {}],
      ['dav', {}],
      ['disk', { verify: 'size' }],
    ] as const) {
      const folder = join(t.testdir(), 'runs');
      const offsite = await at(remote, change)(folder);
      const content = Buffer.alloc(SEGMENT + 1000, 'sealed');
      const starts: number[] = [];
      const sent = watchedResumable(resumableOf(content), (start) => starts.push(start));
      await (await offsite.beginRun(RUN)).put('encrypted.dat', sent, factsOf(content));
      await (await offsite.beginRun(RUN)).put('encrypted.dat', sent, factsOf(content));
      t.same(starts, [0], `${remote}: once`);
      writeFileSync(join(folder, RUN, 'encrypted.dat'), Buffer.alloc(content.length, 'other'));
      await (await offsite.beginRun(RUN)).put('encrypted.dat', sent, factsOf(content));
      t.same(starts, [0, 0], `${remote}: again`);
      t.ok(readFileSync(join(folder, RUN, 'encrypted.dat')).equals(content));
      offsite.close();
    }
  });

  t.test('a crypt remote shows the server neither names nor content, and gives both back', async (t) => {
    const offsite = await at('sealed', { remote: 'sealed:' })('');
    t.teardown(() => offsite.close());
    const upload = await offsite.beginRun(RUN);
    t.equal(await put(upload, 'a.enc', 'content of a'), 'read back');
    await put(upload, 'manifest.json', '{}');
    await upload.commit();
    t.same(await offsite.listRuns(), [RUN]);
    const there = join(dirname(config), 'sealed');
    const [hidden = ''] = readdirSync(there);
    t.notMatch(hidden, RUN);
    const files = readdirSync(join(there, hidden));
    t.equal(files.length, 2);
    for (const name of files) t.notMatch(readFileSync(join(there, hidden, name), 'latin1'), /content of/);
    const reader = await offsite.openRun(RUN);
    t.equal(reader && (await readSmall(reader, 'a.enc'))?.toString(), 'content of a');
  });

  t.test('a configuration that is missing, that others can read, or without the remote is not used', async (t) => {
    const folder = t.testdir();
    const open = at('disk', { config: join(folder, 'none.conf') });
    await t.rejects(open(folder), { code: 'not-found', hint: /rclone --config .*none\.conf config/ });
    const wide = writeRcloneConfig(join(folder, 'wide.conf'), { disk: { type: 'local' } });
    chmodSync(wide, 0o640);
    await t.rejects(at('disk', { config: wide })(folder), { code: 'refused', hint: /chmod 600/ });
    await t.rejects(at('nobody')(folder), { code: 'inventory', hint: /listremotes/ });
    await t.rejects(at('unpinned')(folder), { code: 'refused', message: /any host key/, hint: /known_hosts_file/ });
    const torn = join(folder, 'torn.conf');
    writeFileSync(torn, '[disk', { mode: 0o600 });
    await t.rejects(at('disk', { config: torn })(folder), { code: 'inventory', hint: /listremotes/ });
    t.equal(statSync(config).mode & 0o777, 0o600);
  });

  t.test('credentials that are refused, and a server that is not there, each have their sentence', async (t) => {
    const folder = t.testdir();
    const dav = await startWebDav(folder, { user: 'acme', password: 'right' });
    t.teardown(() => dav.stop());
    const base = { type: 'webdav', vendor: 'other', user: 'acme' };
    const own = writeRcloneConfig(join(folder, 'own.conf'), {
      right: { ...base, url: dav.url, pass: obscured('right') },
      wrong: { ...base, url: dav.url, pass: obscured('wrong') },
      away: { ...base, url: 'http://127.0.0.1:1', pass: obscured('right') },
    });
    const right = await at('right', { config: own })('runs');
    t.same(await right.listPartials(), []);
    await t.rejects(right.listRuns(), { code: 'not-found', hint: /remote of this offsite/ });
    right.close();
    const wrong = await at('wrong', { config: own })('runs');
    await t.rejects(wrong.listRuns(), { code: 'offsite-unreachable', message: /does not accept these credentials/ });
    await t.rejects(wrong.openRun(RUN), { code: 'offsite-unreachable' }, 'nobody says that it is absent');
    wrong.close();
    const away = await at('away', { config: own })('runs');
    await t.rejects(away.listRuns(), { code: 'offsite-unreachable', message: /connection refused/ });
    await t.rejects(away.openRun(RUN), { code: 'offsite-unreachable' });
    away.close();
  });

  t.test('a connection on which nothing moves any more is given up', async (t) => {
    const folder = t.testdir();
    const dav = await startWebDav(folder);
    const link = await startBadLink(dav.port, {});
    t.teardown(async () => {
      await link.close();
      await dav.stop();
    });
    const remote = { type: 'webdav', vendor: 'other', url: `http://127.0.0.1:${link.port}` };
    const own = writeRcloneConfig(join(folder, 'own.conf'), { away: remote });
    const offsite = await at('away', { config: own, silenceSeconds: 5 })('runs');
    t.teardown(() => offsite.close());
    t.same(await offsite.listPartials(), []);
    link.swallow();
    const from = performance.now();
    await t.rejects(offsite.listPartials(), { code: 'offsite-unreachable' });
    t.ok(performance.now() - from < 45_000, `${Math.round(performance.now() - from)} ms`);
  });

  t.test('where nothing may be removed, an upload that was cut is written over, and a run stays', async (t) => {
    const folder = t.testdir();
    const offsite = await at('disk', { appendOnly: true })(folder);
    t.teardown(() => offsite.close());
    mkdirSync(join(folder, RUN));
    writeFileSync(join(folder, RUN, 'stray'), '');
    const upload = await offsite.beginRun(RUN);
    await put(upload, 'manifest.json', '{}');
    await upload.discard();
    await offsite.removePartial(RUN);
    t.ok(existsSync(join(folder, RUN, 'stray')));
    await upload.commit();
    t.same(await offsite.listRuns(), [RUN]);
    await t.rejects(offsite.removeRun(RUN), { code: 'refused', hint: /its owner/ });
  });

  t.test('is looked at from the host: what works, what does not, and nothing is left there', async (t) => {
    const folder = t.testdir();
    const look = async (remote: string, change = {}) => {
      const offsite = RcloneOffsiteConfig.parse({ name: 'archive', kind: 'rclone', remote, config, ...change });
      const answers = await checkRclone(offsite, async () => ({}), AbortSignal.timeout(60_000));
      return answers.map(({ check, outcome }) => `${check} ${outcome}`);
    };
    t.same(await look(`dav:${folder}`), ['login ok', 'reach ok', 'write ok']);
    t.same(await look(`disk:${folder}`), ['login ok', 'reach ok', 'write ok']);
    t.same(readdirSync(folder), []);
    t.same(await look('nobody:'), ['login failed', 'reach untried', 'write untried']);
    t.same(await look('disk:/proc/none'), ['login ok', 'reach ok', 'write failed']);
  });
}
