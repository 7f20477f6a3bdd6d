import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { Sha256 } from '../../lib/model/names.ts';
import { asStage, type SealedFile, type SealedStream } from '../../lib/model/stages.ts';
import { digestStream } from '../../lib/seal/digest-stream.ts';
import { encodeSegments, parseSegments, segmentRange } from '../../lib/seal/segment-list.ts';
import { verifyStream } from '../../lib/seal/verify-stream.ts';
import { bytesOf, chunked, collect, collectUntilError } from '../bytes.ts';

const SEGMENT = 64;
const sha256 = (content: Buffer) => Sha256.parse(createHash('sha256').update(content).digest('hex'));

async function digestOf(content: Buffer, sizes: readonly number[]) {
  const digested = digestStream(asStage<SealedStream>(chunked(content, sizes)), SEGMENT);
  const passed = await collect(digested.stream);
  return { passed, ...digested.digest() };
}

const contents = fc.uint8Array({ maxLength: 1000, size: 'max' }).map((bytes) => Buffer.from(bytes));
const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });

t.test('digests a stream as a whole and by segments, and lets it pass unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(contents, sizes, async (content, sizes) => {
      const digest = await digestOf(content, sizes);
      const segments: Sha256[] = [];
      for (let at = 0; at < content.length; at += SEGMENT) segments.push(sha256(content.subarray(at, at + SEGMENT)));
      return (
        digest.passed.equals(content) &&
        digest.sha256 === sha256(content) &&
        digest.sealedBytes === content.length &&
        digest.segments.join() === segments.join()
      );
    }),
  );
});

t.test('has no digest of a stream that was not read to its end', async (t) => {
  const digested = digestStream(asStage<SealedStream>(bytesOf('one', 'two')));
  for await (const _chunk of digested.stream) break;
  t.throws(() => digested.digest(), /not been read/);
});

const passings = fc.constantFrom('verified' as const, 'watched' as const);

t.test('lets what the manifest vouches for pass, in any chunks', async () => {
  await fc.assert(
    fc.asyncProperty(contents, sizes, sizes, passings, async (content, made, read, passing) => {
      const expected = { file: 'x.enc', segmentBytes: SEGMENT, ...(await digestOf(content, made)) };
      return (await collect(verifyStream(chunked(content, read), expected, passing))).equals(content);
    }),
  );
});

t.test('lets no byte of an altered segment pass, or not all of it: flipped, cut, or with more behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      contents,
      sizes,
      fc.nat(),
      fc.constantFrom('flip', 'cut', 'more'),
      passings,
      async (content, read, n, how, passing) => {
        const expected = { file: 'x.enc', segmentBytes: SEGMENT, ...(await digestOf(content, [50])) };
        const at = n % Math.max(1, content.length);
        if (how !== 'more' && content.length === 0) return true;
        const altered = how === 'more' ? Buffer.concat([content, Buffer.from('!')]) : Buffer.from(content);
        if (how === 'flip') altered.writeUInt8((altered[at] ?? 0) ^ (1 << (n % 8)), at);
        const source = how === 'cut' ? altered.subarray(0, at) : altered;
        const { content: passed, error } = await collectUntilError(
          verifyStream(chunked(source, read), expected, passing),
        );
        const sound = how === 'more' ? content.length : Math.floor(at / SEGMENT) * SEGMENT;
        const next = Math.min(sound + SEGMENT, content.length);
        const held = passed.equals(content.subarray(0, passed.length)) && passed.length <= sound;
        const watched = passed.subarray(0, sound).equals(content.subarray(0, Math.min(sound, passed.length)));
        const notWhole = how === 'more' ? passed.length <= sound : passed.length < next;
        return (
          (error as { code?: string }).code === 'verification-failed' &&
          (passing === 'verified' ? held : watched && notWhole)
        );
      },
    ),
    { numRuns: 600 },
  );
});

function sealedFile(side: Buffer, sealedBytes: number): SealedFile {
  const segments = { file: 'x.segments', sha256: sha256(side), segmentBytes: SEGMENT };
  return { file: 'x.enc', sealedBytes, sha256: sha256(side), segments };
}

t.test('reads the side file back that it wrote', async () => {
  await fc.assert(
    fc.asyncProperty(contents, async (content) => {
      const { segments } = await digestOf(content, [1000]);
      const side = encodeSegments(segments);
      return parseSegments(side, sealedFile(side, content.length)).join() === segments.join();
    }),
  );
});

t.test('believes no side file that the manifest does not vouch for, or of another length or form', async (t) => {
  const { segments } = await digestOf(Buffer.alloc(200), [200]);
  const side = encodeSegments(segments);
  const good = sealedFile(side, 200);
  const altered = Buffer.from(side);
  altered.write(altered[0] === 0x61 ? 'b' : 'a');
  t.throws(() => parseSegments(altered, good), { code: 'verification-failed' });
  t.throws(() => parseSegments(side, { ...good, sealedBytes: 300 }), { code: 'verification-failed' });
  t.throws(() => parseSegments(side, { ...good, sealedBytes: 4 * SEGMENT + 1 }), { code: 'verification-failed' });
  for (const odd of [side.subarray(0, side.length - 1), Buffer.from(side.toString().toUpperCase().replace('0', 'G'))]) {
    t.throws(() => parseSegments(odd, sealedFile(odd, 200)), { code: 'verification-failed' });
  }
});

t.test('knows where a segment stands', async (t) => {
  const file = sealedFile(Buffer.alloc(0), 200);
  t.same(segmentRange(file, 0), { start: 0, bytes: 64 });
  t.same(segmentRange(file, 3), { start: 192, bytes: 8 });
  t.same(segmentRange(file, 4), { start: 256, bytes: 0 });
});
