import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { Sha256 } from '../../lib/model/names.ts';
import { followStream, type GrowingFile } from '../../lib/seal/follow-stream.ts';
import { chunked, collect, collectUntilError } from '../bytes.ts';

const SEGMENT = 64;
const sha256 = (content: Buffer) => Sha256.parse(createHash('sha256').update(content).digest('hex'));

interface Disk {
  /** What is read back. */
  content: Buffer;
}

/** A file to which `steps` bytes are written at a time, whenever its reader waits for more than there is. */
function growing(written: Buffer, disk: Disk, steps: readonly number[]): GrowingFile {
  const segments: Sha256[] = [];
  let size = 0;
  let turn = 0;
  return {
    file: 'x.dat',
    segmentBytes: SEGMENT,
    segments,
    async reach(bytes) {
      while (size < Math.min(bytes, written.length)) {
        size = Math.min(written.length, size + (steps[turn++ % steps.length] ?? 1));
        while (
          segments.length < Math.floor(size / SEGMENT) ||
          (size === written.length && segments.length * SEGMENT < size)
        )
          segments.push(sha256(written.subarray(segments.length * SEGMENT, (segments.length + 1) * SEGMENT)));
      }
      return size;
    },
    read: (start, bytes) => chunked(disk.content.subarray(start, start + bytes), [50, 7]),
  };
}

const contents = fc.uint8Array({ maxLength: 1000, size: 'max' }).map((bytes) => Buffer.from(bytes));
const steps = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });

t.test('gives what was written, however it grows', async () => {
  await fc.assert(
    fc.asyncProperty(contents, steps, async (content, steps) =>
      (await collect(followStream(growing(content, { content }, steps)))).equals(content),
    ),
  );
});

t.test('lets no segment pass as a whole in which a byte is another, and nothing after it', async () => {
  const damaged = contents
    .filter(({ length }) => length > 0)
    .chain((content) => fc.tuple(fc.constant(content), fc.nat(content.length - 1)));
  await fc.assert(
    fc.asyncProperty(damaged, steps, async ([written, at], steps) => {
      const content = Buffer.from(written);
      content[at] = (content[at] ?? 0) ^ 1;
      const { content: passed, error } = await collectUntilError(followStream(growing(written, { content }, steps)));
      const start = Math.floor(at / SEGMENT) * SEGMENT;
      return (
        (error as { code?: string }).code === 'verification-failed' &&
        passed.subarray(0, start).equals(written.subarray(0, start)) &&
        passed.length < Math.min(start + SEGMENT, written.length)
      );
    }),
  );
});

t.test('takes neither a file that has become shorter nor one that is longer', async (t) => {
  for (const length of [0, SEGMENT, 2 * SEGMENT, 150]) {
    const written = Buffer.alloc(length, 'x');
    const longer = followStream(growing(written, { content: Buffer.alloc(length + 1, 'x') }, [SEGMENT]));
    await t.rejects(collect(longer), { code: 'verification-failed', message: /is longer/ });
    if (length === 0) continue;
    const shorter = followStream(growing(written, { content: Buffer.alloc(length - 1, 'x') }, [SEGMENT]));
    await t.rejects(collect(shorter), { code: 'verification-failed', message: /it ends after/ });
  }
});

t.test('reads nothing ahead of its own reader, and throws what the writer throws', async (t) => {
  const content = Buffer.alloc(5 * SEGMENT, 'x');
  const asked: number[] = [];
  const file = growing(content, { content }, [SEGMENT]);
  const stream = followStream({
    ...file,
    reach: async (bytes) => {
      asked.push(bytes);
      if (bytes > 2 * SEGMENT) throw new Error('the dump broke');
      return await file.reach(bytes);
    },
  })[Symbol.asyncIterator]();
  await stream.next();
  t.same(asked, [SEGMENT]);
  for (let chunk = 1; chunk < 6; chunk++) await stream.next(); // three of each segment, as the file is read
  t.same(asked, [SEGMENT, 2 * SEGMENT]);
  await t.rejects(stream.next(), { message: 'the dump broke' });
});
