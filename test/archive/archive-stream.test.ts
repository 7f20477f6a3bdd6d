import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { Parser } from 'tar';
import { archiveDump } from '../../lib/archive/archive-stream.ts';
import { chooseCompressor } from '../../lib/archive/compressor.ts';
import { openArchive } from '../../lib/archive/open-archive.ts';
import { COMPRESSORS, type Compression, type CompressorName } from '../../lib/model/compression.ts';
import { asStage, type Bytes, type DumpStream } from '../../lib/model/stages.ts';
import { findProgram } from '../../lib/system/programs.ts';
import { bytesOf, collect } from '../bytes.ts';
import { lanedDump } from '../fixture/laned-dump.ts';
import { smallDump } from '../fixture/small-dump.ts';
import { until } from '../until.ts';

const DUMP = smallDump([0, 3_000, 600_000, 5_000_000, 0, 10_000]);

const staged = (bytes: Bytes) => asStage<DumpStream>(bytes);

async function* slices(bytes: Buffer, size = 65_536): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function archived(dump = DUMP, setting: 'auto' | CompressorName = 'zlib', level?: number) {
  const { stream, summary } = archiveDump(staged(slices(dump)), null, await chooseCompressor(setting, level));
  const bytes = await collect(stream);
  return { bytes, summary: await summary };
}

/** What is wrong with an archive: the code with which it is refused, or null. */
async function refusal(bytes: Buffer, compression: Compression = 'gzip'): Promise<string | null> {
  const opened = openArchive(slices(bytes), 'the archive', compression);
  try {
    await collect(opened.sql);
    await opened.digests;
    return null;
  } catch (error) {
    const { code } = error as { code: string };
    const told = await opened.digests.catch((reason: { code: string }) => reason.code);
    if (told !== code) throw new Error('the digests do not fail as the stream does');
    return code;
  }
}

t.test('holds the dump, byte for byte, for every compressor that is here', async (t) => {
  for (const setting of ['auto', 'zlib', 'igzip', 'pigz', 'gzip', 'zstd'] as const) {
    if (setting !== 'auto' && setting !== 'zlib' && !findProgram(setting)) continue;
    const { bytes, summary } = await archived(DUMP, setting);
    t.equal(summary.plainBytes, DUMP.length);
    t.equal(summary.compressedBytes, bytes.length);
    const compression = setting === 'zstd' ? 'zstd' : 'gzip';
    if (compression === 'gzip') t.same(bytes.subarray(3, 8), Buffer.alloc(5), 'no name and no time in its header');
    const opened = openArchive(slices(bytes), setting, compression);
    t.ok((await collect(opened.sql)).equals(DUMP), setting);
    t.same((await opened.digests).sections, summary.sections);
    t.equal(summary.counts.tables, 6);
  }
});

t.test('can be opened with nothing but tar and gzip, and its last member is comments only', async (t) => {
  const { bytes, summary } = await archived();
  const printed = execFileSync('tar', ['xzOf', '-'], { input: bytes, maxBuffer: 1e9 });
  t.ok(printed.subarray(0, DUMP.length).equals(DUMP));
  const rest = printed.subarray(DUMP.length).toString();
  t.match(rest, /^(-- \{.*\}\n)+$/);
  t.equal(rest.split('\n').length, summary.sections.length + 2);
  const listed = execFileSync('tar', ['tzf', '-'], { input: bytes }).toString().trim().split('\n');
  t.equal(listed.at(-1), 'digests.sql');
  t.same(listed.slice(0, 2), ['000001.sql', '000002.sql']);
});

t.test('is read by node-tar, and every member is small', async (t) => {
  const { bytes } = await archived();
  const sizes: number[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      sizes.push(entry.size);
      entry.resume();
    },
  });
  const ended = new Promise((resolve) => parser.on('end', resolve));
  parser.end(bytes);
  await ended;
  t.ok(sizes.every((size) => size <= 2 * 1024 * 1024));
  t.ok(sizes.length > 3);
});

t.test('is the same for the same dump, however it arrives', async (t) => {
  const whole = await archived();
  const { stream } = archiveDump(staged(slices(DUMP, 1009)), null, await chooseCompressor('zlib'));
  t.ok(gunzipSync(await collect(stream)).equals(gunzipSync(whole.bytes)));
});

t.test('is to the byte what it was before there were lanes', async (t) => {
  const uncompressed = { ...(await chooseCompressor('zlib')), compress: (bytes: Bytes) => bytes };
  const { stream } = archiveDump(staged(slices(DUMP)), null, uncompressed);
  const sha256 = createHash('sha256').update(await collect(stream));
  t.equal(sha256.digest('hex'), '21db511206edbf54b3e319d52ebabc16a30a2ffd97e220edb8b47b5962f6641d');
});

t.test(
  'holds lanes as sections of their own, with their conditions, and is refused when these are changed',
  async (t) => {
    const rows = Array.from({ length: 30 }, (_, n) => [`(${n},'${'x;'.repeat(30_000)}')`]);
    const { dump, laned } = lanedDump([
      { name: 'a', rows },
      { name: 'b', lanes: [rows, rows, []], trigger: 'tr BEFORE INSERT ON b FOR EACH ROW SET @a = 1' },
    ]);
    const { stream, summary } = archiveDump(dump, laned, await chooseCompressor('zlib'));
    const bytes = await collect(stream);
    const { sections, counts, plainBytes, largestStatementBytes } = await summary;
    t.match(counts, { tables: 2, triggers: 1 });
    t.equal(
      largestStatementBytes,
      'INSERT INTO `b` VALUES\n'.length + Math.max(...rows.map((each) => `${each}`.length)) + 1,
    );
    t.same(
      sections
        .filter(({ lane }) => lane)
        .map(({ kind, name, lane, where }) => [kind, name, lane, where])
        .sort(),
      [1, 2, 3].map((lane) => ['rows', 'b', lane, `a % 9 = ${lane - 1}`]),
    );
    const opened = openArchive(slices(bytes));
    t.equal((await collect(opened.sql)).length, plainBytes);
    t.same((await opened.digests).sections, sections);
    const tar = gunzipSync(bytes);
    for (const [from, to] of [
      [', lane 1 of 3', ', lane 2 of 3'],
      [', lane 1 of 3', ', lane 1 of 4'],
      ['-- Triggers of table `b`', '-- Triggers of table `a`'],
      ['-- Continuing table `a`', '-- continuing table `a`'],
    ] as const) {
      const at = tar.indexOf(from);
      t.ok(at > 0, from);
      const changed = Buffer.from(tar);
      changed.write(to, at);
      t.equal(await refusal(gzipSync(changed, { level: 1 })), 'verification-failed', `${from} → ${to}`);
    }
  },
);

t.test('refuses a dump without its last line, and one that fails', async (t) => {
  const cut = archiveDump(staged(slices(DUMP.subarray(0, -60))), null, await chooseCompressor('auto'));
  await t.rejects(collect(cut.stream), { code: 'dump-failed' });
  await t.rejects(cut.summary, { code: 'dump-failed' });
  const failing = archiveDump(
    staged(
      (async function* () {
        yield DUMP.subarray(0, 100_000);
        throw new Error('the server went away');
      })(),
    ),
    null,
    await chooseCompressor('auto'),
  );
  await t.rejects(collect(failing.stream), { message: 'the server went away' });
  await t.rejects(failing.summary, { message: 'the server went away' });
});

t.test('stops the dump when nobody reads the archive any more', async (t) => {
  let left = false;
  const endless = staged(
    (async function* () {
      try {
        for (;;) yield DUMP.subarray(0, 100_000);
      } finally {
        left = true;
      }
    })(),
  );
  const { stream, summary } = archiveDump(endless, null, await chooseCompressor('zlib'));
  for await (const _ of stream) break;
  await t.rejects(summary, { code: 'interrupted' });
  await until('the dump is left', () => left);
  t.ok(left);
});

t.test('refuses to open what is cut short, also where a gzip member ends', async (t) => {
  const { bytes } = await archived();
  for (const length of [0, 1, 20, bytes.length >> 1, bytes.length - 9, bytes.length - 1]) {
    t.equal(await refusal(bytes.subarray(0, length)), 'verification-failed', `${length} bytes`);
  }
  const tar = gunzipSync(bytes);
  for (const length of [512, tar.length - 1024, tar.length - 512, 1024 * 700]) {
    const members = Buffer.concat([
      gzipSync(tar.subarray(0, length >> 1)),
      gzipSync(tar.subarray(length >> 1, length)),
    ]);
    t.equal(await refusal(members), 'verification-failed', `${length} bytes in whole gzip members`);
  }
  t.equal(await refusal(Buffer.concat([gzipSync(tar.subarray(0, 5000)), gzipSync(tar.subarray(5000))])), null);
});

t.test('refuses to open what was changed, wherever', async (t) => {
  const tar = gunzipSync((await archived(smallDump([0, 20_000]))).bytes);
  for (let at = 0; at < tar.length; at += 61) {
    const changed = Buffer.from(tar);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    const found = await refusal(gzipSync(changed, { level: 1 }));
    // Padding and unused fields of a header carry no content.
    if (found === null)
      t.ok((await collect(openArchive(bytesOf(gzipSync(changed))).sql)).equals(smallDump([0, 20_000])));
    else t.equal(found, 'verification-failed');
  }
  t.equal(await refusal(gzipSync(Buffer.concat([tar, Buffer.from('x')]))), 'verification-failed', 'after the end');
});

const noZstd = findProgram('zstd') ? false : 'the program zstd is not here';

t.test('zstd: opens with nothing but zstd and tar, and is the same each time', { skip: noZstd }, async (t) => {
  const { bytes } = await archived(DUMP, 'zstd');
  const tar = execFileSync('zstd', ['-dc'], { input: bytes, maxBuffer: 1e9 });
  const printed = execFileSync('tar', ['xOf', '-'], { input: tar, maxBuffer: 1e9 });
  t.ok(printed.subarray(0, DUMP.length).equals(DUMP));
  t.ok(bytes.equals((await archived(DUMP, 'zstd')).bytes));
});

t.test('zstd: refuses to open what is cut short or changed, also where a frame ends', { skip: noZstd }, async (t) => {
  const { bytes } = await archived(smallDump([0, 20_000, 400_000]), 'zstd');
  t.equal(await refusal(bytes, 'zstd'), null);
  t.equal(await refusal(bytes, 'gzip'), 'verification-failed', 'it is not gzip');
  for (const length of [0, 1, 20, bytes.length >> 1, bytes.length - 1])
    t.equal(await refusal(bytes.subarray(0, length), 'zstd'), 'verification-failed', `${length} bytes`);
  const changed = Buffer.from(bytes);
  changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 0x01;
  t.equal(await refusal(changed, 'zstd'), 'verification-failed', 'changed');
  t.equal(await refusal(Buffer.concat([bytes, Buffer.from('rest')]), 'zstd'), 'verification-failed', 'more behind it');
  const tar = execFileSync('zstd', ['-dc'], { input: bytes });
  const frame = (part: Buffer) => execFileSync('zstd', ['-qc'], { input: part });
  const half = tar.length >> 1;
  t.equal(await refusal(frame(tar.subarray(0, half)), 'zstd'), 'verification-failed', 'a whole frame with half of it');
  const frames = Buffer.concat([frame(tar.subarray(0, half)), frame(tar.subarray(half))]);
  t.equal(await refusal(frames, 'zstd'), null, 'two frames are as good as one');
});

t.test('a level is what the program is given, and each has a usual one', async (t) => {
  for (const name of ['zlib', 'igzip', 'pigz', 'gzip', 'zstd'] as const) {
    if (name !== 'zlib' && !findProgram(name)) continue;
    const [lowest, highest] = COMPRESSORS[name].levels;
    const sizes = await Promise.all([lowest, undefined, highest].map(async (level) => archived(DUMP, name, level)));
    const [low, usual, high] = sizes.map(({ bytes }) => bytes.length);
    t.ok(low && usual && high && low > usual && usual >= high, `${name}: ${low}, ${usual}, ${high}`);
    t.equal((await chooseCompressor(name)).level, COMPRESSORS[name].usualLevel);
  }
});
