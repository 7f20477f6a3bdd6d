import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { differingSegments } from '../../lib/seal/differing-segments.ts';
import { sha256Of } from '../../lib/system/files.ts';
import { chunked } from '../bytes.ts';

const SEGMENT = 64;
const digestsOf = (content: Buffer) =>
  Array.from({ length: Math.ceil(content.length / SEGMENT) }, (_, n) =>
    sha256Of(content.subarray(n * SEGMENT, (n + 1) * SEGMENT)),
  );

t.test('tells every segment with a changed byte and no other, however the bytes come', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 * SEGMENT }),
      fc.array(fc.nat(), { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 2 * SEGMENT }), { minLength: 1, maxLength: 3 }),
      async (length, places, sizes) => {
        const content = randomBytes(length);
        const digests = digestsOf(content);
        const changed = [...new Set(places.map((place) => place % length))];
        for (const place of changed) content[place] = (content[place] ?? 0) ^ 1;
        const expected = [...new Set(changed.map((place) => Math.floor(place / SEGMENT)))].sort((a, b) => a - b);
        t.strictSame(await differingSegments(chunked(content, sizes), digests, SEGMENT), expected);
      },
    ),
  );
});

t.test('what is cut off differs, to the end; what stands behind the last segment is not looked at', async (t) => {
  const content = randomBytes(3 * SEGMENT + 10);
  const digests = digestsOf(content);
  const cutAt = (bytes: number) => differingSegments(chunked(content.subarray(0, bytes), [50]), digests, SEGMENT);
  t.strictSame(await cutAt(content.length), []);
  t.strictSame(await cutAt(content.length - 1), [3]);
  t.strictSame(await cutAt(3 * SEGMENT), [3], 'at the end of a segment');
  t.strictSame(await cutAt(SEGMENT + 1), [1, 2, 3]);
  t.strictSame(await cutAt(0), [0, 1, 2, 3]);
  t.strictSame(await differingSegments(chunked(Buffer.alloc(0), [1]), [], SEGMENT), []);
});
