import t from 'tap';
import type { Bytes } from '../../lib/model/stages.ts';
import { Pace } from '../../lib/system/pace.ts';
import { bytesOf, collect } from '../bytes.ts';

async function* chunks(count: number, bytes: number): Bytes {
  for (let each = 0; each < count; each += 1) yield Buffer.alloc(bytes, each);
}

/** Bytes a second over the whole stream, and the longest pause between two pieces. */
async function rateOf(source: Bytes) {
  const from = performance.now();
  let [bytes, last, longestMs] = [0, from, 0];
  for await (const piece of source) {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    bytes += piece.length;
  }
  return { rate: (bytes / (performance.now() - from)) * 1000, bytes, longestMs };
}

const near = (rate: number, wanted: number) => Math.abs(rate / wanted - 1) < 0.1;

t.test('passes every byte on, in small pieces, and no faster than the rate', async (t) => {
  const pace = new Pace({ bytesPerSecond: 1_000_000 });
  const { rate, bytes } = await rateOf(pace.through(chunks(4, 500_000)));
  t.equal(bytes, 2_000_000);
  t.ok(near(rate, 1_000_000), `${Math.round(rate)} bytes a second`);
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  t.ok((await collect(new Pace({ bytesPerSecond: 10_000_000 }).through(bytesOf(content)))).equals(content));
});

t.test('holds a high rate, where a timer is slower than a piece', async (t) => {
  const { rate } = await rateOf(new Pace({ bytesPerSecond: 200_000_000 }).through(chunks(300, 1_000_000)));
  t.ok(rate < 220_000_000, `${Math.round(rate)} bytes a second`);
  t.ok(rate > 100_000_000, `${Math.round(rate)} bytes a second`);
});

t.test('all that share it have the rate together, each as much as the others', async (t) => {
  const pace = new Pace({ bytesPerSecond: 2_000_000 });
  const found = await Promise.all([1, 2, 3].map(() => rateOf(pace.through(chunks(10, 100_000)))));
  const total = found.reduce((sum, { rate }) => sum + rate, 0);
  t.ok(near(total, 2_000_000), `${Math.round(total)} bytes a second`);
  for (const { rate } of found) t.ok(near(rate, total / 3), `${Math.round(rate)} bytes a second`);
});

t.test('gives way where a stream would wait for too long, and keeps to its rate again afterwards', async (t) => {
  const pace = new Pace({ bytesPerSecond: 1_000_000, longestWaitMs: 200 });
  const crowd = await Promise.all(Array.from({ length: 40 }, () => rateOf(pace.through(chunks(3, 50_000)))));
  const slowest = Math.max(...crowd.map(({ longestMs }) => longestMs));
  t.ok(slowest < 600, `the longest pause: ${Math.round(slowest)} ms`);
  const { rate } = await rateOf(pace.through(chunks(30, 50_000)));
  t.ok(rate < 1_100_000 && rate > 750_000, `${Math.round(rate)} bytes a second, alone again`);
});

t.test('ends what it reads when nobody reads on', async (t) => {
  let ended = false;
  const source = (async function* () {
    try {
      for (;;) yield Buffer.alloc(100_000);
    } finally {
      ended = true;
    }
  })();
  for await (const _ of new Pace({ bytesPerSecond: 50_000_000 }).through(source)) break;
  t.ok(ended);
});
