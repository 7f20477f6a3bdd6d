import fc from 'fast-check';
import t from 'tap';
import { oddsOfMissing, sampleFor } from '../../lib/report/sample-odds.ts';

t.test('is what counting all samples gives', async (t) => {
  const subsets = (items: readonly number[], size: number): number[][] =>
    size === 0
      ? [[]]
      : items.flatMap((item, index) => subsets(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]));
  for (const [read, total, share] of [
    [3, 8, 0.25],
    [1, 10, 0.1],
    [5, 9, 0.01],
    [4, 6, 0.5],
    [0, 5, 0.2],
  ] as const) {
    const damaged = Math.max(1, Math.ceil(total * share));
    const samples = subsets(
      Array.from({ length: total }, (_, index) => index),
      read,
    );
    const missing = samples.filter((sample) => sample.every((index) => index >= damaged)).length;
    t.ok(Math.abs(oddsOfMissing(read, total, share) - missing / samples.length) < 1e-12, `${read} of ${total}`);
  }
});

t.test('nothing is missed where all is read, and everything where nothing is', async (t) => {
  t.equal(oddsOfMissing(12, 12, 0.01), 0);
  t.equal(oddsOfMissing(0, 12, 0.01), 1);
  t.equal(oddsOfMissing(3, 3, 1), 0);
});

t.test('a sample is large enough, and one less is not', async (t) => {
  const property = fc.property(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(0.01, 0.1, 0.5), (total, share) => {
    const read = sampleFor(0.05, total, share);
    return oddsOfMissing(read, total, share) <= 0.05 && (read === 0 || oddsOfMissing(read - 1, total, share) > 0.05);
  });
  t.doesNotThrow(() => fc.assert(property));
});
