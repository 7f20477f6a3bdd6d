import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { dayTar, type TarEntry } from '../../lib/archive/day-tar.ts';
import { readDayArchive } from '../../lib/archive/read-day-archive.ts';
import { bytesOf, collect } from '../bytes.ts';

const entry = (name: string, content: Buffer): TarEntry => ({
  name,
  sizeBytes: content.length,
  content: bytesOf(content),
});

async function read(tar: AsyncIterable<Buffer>) {
  const found: [string, string][] = [];
  for await (const { name, content } of readDayArchive(tar))
    found.push([name, (await collect(content)).toString('hex')]);
  return found;
}

t.test('gives back what was put in, whatever the names and sizes', async (t) => {
  const names = fc
    .string({ unit: fc.constantFrom(...'abc%_~.ü'), minLength: 1, maxLength: 200 })
    .map((name) => `x${name}`);
  const files = fc.array(fc.tuple(names, fc.uint8Array({ maxLength: 1500 })), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(files, fc.integer({ min: 1, max: 2000 }), async (all, size) => {
      const tar = await collect(dayTar(all.map(([name, content]) => entry(name, Buffer.from(content)))));
      const chunks: Buffer[] = [];
      for (let at = 0; at < tar.length; at += size) chunks.push(tar.subarray(at, at + size));
      const found = await read(bytesOf(...chunks));
      t.same(
        found,
        all.map(([name, content]) => [name, Buffer.from(content).toString('hex')]),
      );
    }),
    { numRuns: 60 },
  );
});

t.test('is what tar understands, long names too', async (t) => {
  const long = `${'%D0%B6'.repeat(31)}~0123456789abcdef0123456789abcdef.tar.gz`;
  const tar = await collect(dayTar([entry('shop.tar.gz', Buffer.alloc(1000, 1)), entry(long, Buffer.from('long'))]));
  const folder = t.testdir({});
  const said = execFileSync('tar', ['xvf', '-', '-C', folder], { input: tar, stdio: ['pipe', 'pipe', 'pipe'] });
  t.same(said.toString().trim().split('\n'), ['shop.tar.gz', long]);
  t.equal(readFileSync(`${folder}/${long}`, 'utf8'), 'long');
});

t.test('lets a reader leave archives out', async (t) => {
  const tar = dayTar([entry('a', Buffer.alloc(100_000)), entry('b', Buffer.from('b')), entry('c', Buffer.alloc(3))]);
  const seen: string[] = [];
  for await (const { name, content } of readDayArchive(tar)) {
    if (name === 'b') t.equal((await collect(content)).toString(), 'b');
    seen.push(name);
  }
  t.same(seen, ['a', 'b', 'c']);
});

t.test('refuses an archive that has not the size it said', async (t) => {
  for (const sizeBytes of [2, 4]) {
    await t.rejects(collect(dayTar([{ name: 'a', sizeBytes, content: bytesOf(Buffer.from('abc')) }])), {
      code: 'write-failed',
    });
  }
});

t.test('refuses a tar that is cut short or damaged, or has something behind its end', async (t) => {
  const tar = await collect(dayTar([entry('a', Buffer.alloc(700, 1)), entry('b', Buffer.alloc(10, 2))]));
  for (let length = 0; length < tar.length; length += 128) {
    await t.rejects(read(bytesOf(tar.subarray(0, length))), { code: 'verification-failed' }, `${length} bytes`);
  }
  const damaged = Buffer.from(tar);
  damaged[0] = 0x7a;
  await t.rejects(read(bytesOf(damaged)), { code: 'verification-failed' });
  await t.rejects(read(bytesOf(tar, Buffer.from([0]))), { code: 'verification-failed' });
});
