import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import type { Sha256 } from '../../lib/model/names.ts';
import { type ArchiveStream, asStage, type VerifiedStream } from '../../lib/model/stages.ts';
import { openPart, sealedPart } from '../../lib/seal/open-part.ts';
import { Passphrase } from '../../lib/seal/passphrase.ts';
import { sealStream } from '../../lib/seal/seal-stream.ts';
import { bytesOf, chunked, collect } from '../bytes.ts';

const options = { iterations: 10 };
const passphrase = Passphrase.random();
const SEGMENT_BYTES = 65536;
const content = randomBytes(300_007);
const sealed = await collect(sealStream(asStage<ArchiveStream>(bytesOf(content)), passphrase, options));
const digest = 'f'.repeat(64) as Sha256;
const file = {
  file: 'encrypted.dat',
  sealedBytes: sealed.length,
  sha256: digest,
  segments: { file: 'encrypted.dat.segments', sha256: digest, segmentBytes: SEGMENT_BYTES },
};

/** The part, from nothing but the segments that it is said to stand in. */
async function partOf(start: number, bytes: number, sizes: readonly number[], head = sealed): Promise<Buffer> {
  const part = sealedPart(file, start, bytes);
  const from = part.firstSegment * SEGMENT_BYTES;
  const needed = Buffer.from(sealed.subarray(from, from + part.segments * SEGMENT_BYTES));
  const source = asStage<VerifiedStream>(chunked(needed, sizes));
  return await collect(openPart(head.subarray(0, 16), source, part, SEGMENT_BYTES, passphrase, options));
}

t.test('opens any part of what was sealed, whatever the chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: content.length - 1 }),
      fc.nat({ max: content.length }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 4 }),
      async (start, wanted, sizes) => {
        const bytes = Math.min(wanted, content.length - start);
        return (await partOf(start, bytes, sizes)).equals(content.subarray(start, start + bytes));
      },
    ),
    { numRuns: 100 },
  );
});

t.test('reads no segment that it does not need', async (t) => {
  for (const start of [0, 1, 15, 16, 17, SEGMENT_BYTES - 17, SEGMENT_BYTES - 16, SEGMENT_BYTES]) {
    t.ok((await partOf(start, 100, [1000])).equals(content.subarray(start, start + 100)), `${start}`);
  }
  t.match(sealedPart(file, SEGMENT_BYTES * 2 + 100, 1000), { firstSegment: 2, segments: 1 });
  t.match(
    sealedPart(file, SEGMENT_BYTES - 16, 1),
    { firstSegment: 0, segments: 2 },
    'the block before is in another one',
  );
  t.match(sealedPart(file, 0, content.length), { firstSegment: 0, segments: Math.ceil(sealed.length / SEGMENT_BYTES) });
});

t.test('refuses what does not begin as it should, and what ends too early', async (t) => {
  await t.rejects(partOf(5, 5, [100], Buffer.from('0123456789abcdef')), { code: 'verification-failed' });
  await t.rejects(partOf(content.length - 10, 100, [100]), { code: 'verification-failed', message: /too early/ });
});
