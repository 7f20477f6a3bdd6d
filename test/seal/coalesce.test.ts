import fc from 'fast-check';
import t from 'tap';
import { coalesce } from '../../lib/seal/coalesce.ts';
import { chunked } from '../bytes.ts';

const KIB = 1024;

t.test('keeps every byte, in chunks that are neither small nor large', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 300 * KIB }),
      fc.array(fc.integer({ min: 1, max: 200 * KIB }), { minLength: 1, maxLength: 6 }),
      async (length, sizes) => {
        const content = Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
        const chunks: Buffer[] = [];
        for await (const chunk of coalesce(chunked(content, sizes))) chunks.push(Buffer.from(chunk));
        const fits = chunks.slice(0, -1).every((chunk) => chunk.length >= 32 * KIB && chunk.length <= 64 * KIB);
        return fits && (chunks.at(-1)?.length ?? 1) <= 64 * KIB && Buffer.concat(chunks).equals(content);
      },
    ),
    { numRuns: 60, examples: [[100 * KIB, [7]]] },
  );
});
