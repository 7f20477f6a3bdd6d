import t from 'tap';
import type { Bytes } from '../../lib/model/stages.ts';
import { Pace } from '../../lib/system/pace.ts';
import { bytesOf, collect } from '../bytes.ts';

async function* chunks(count: number, bytes: number): Bytes {
  for (let each = 0; each < count; each += 1) yield Buffer.alloc(bytes, each);
}

/**
 * A time that passes only while everybody waits: how busy the machine is makes no difference. Timers come late, by up to
 * a millisecond and one more, as those of Node do.
 */
function ownTime() {
  let now = 0;
  const waiting: { readonly at: number; readonly wake: () => void }[] = [];
  const goOn = () => {
    waiting.sort((a, b) => a.at - b.at);
    const next = waiting.shift();
    if (!next) return;
    now = Math.max(now, next.at);
    next.wake();
    if (waiting.length > 0) setImmediate(goOn);
  };
  return {
    nowMs: () => now,
    sleep: (ms: number) =>
      new Promise<void>((wake) => {
        waiting.push({ at: now + Math.ceil(ms) + 1, wake });
        if (waiting.length === 1) setImmediate(goOn);
      }),
  };
}

/** Bytes a second over the whole stream, and the longest pause between two pieces. */
async function rateOf(source: Bytes, { nowMs }: { nowMs(): number }) {
  const from = nowMs();
  let [bytes, last, longestMs] = [0, from, 0];
  for await (const piece of source) {
    const now = nowMs();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    bytes += piece.length;
  }
  return { rate: (bytes / (nowMs() - from)) * 1000, bytes, longestMs };
}

const near = (rate: number, wanted: number) => Math.abs(rate / wanted - 1) < 0.1;

t.test('passes every byte on, in small pieces, and no faster than the rate', async (t) => {
  const time = ownTime();
  const pace = new Pace({ bytesPerSecond: 1_000_000, time });
  const { rate, bytes } = await rateOf(pace.through(chunks(4, 500_000)), time);
  t.equal(bytes, 2_000_000);
  t.ok(near(rate, 1_000_000), `${Math.round(rate)} bytes a second`);
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
  t.ok((await collect(new Pace({ bytesPerSecond: 10_000_000 }).through(bytesOf(content)))).equals(content));
});

t.test('holds a high rate, where a timer is slower than a piece', async (t) => {
  // No faster than that by the real time, too; and no slower by one that others do not use up.
  const real = { nowMs: () => performance.now() };
  const { rate: really } = await rateOf(
    new Pace({ bytesPerSecond: 200_000_000 }).through(chunks(300, 1_000_000)),
    real,
  );
  t.ok(really < 220_000_000, `${Math.round(really)} bytes a second`);
  const time = ownTime();
  const pace = new Pace({ bytesPerSecond: 200_000_000, time });
  const { rate } = await rateOf(pace.through(chunks(300, 1_000_000)), time);
  t.ok(rate > 100_000_000, `${Math.round(rate)} bytes a second`);
});

t.test('all that share it have the rate together, each as much as the others', async (t) => {
  const time = ownTime();
  const pace = new Pace({ bytesPerSecond: 2_000_000, time });
  const found = await Promise.all([1, 2, 3].map(() => rateOf(pace.through(chunks(10, 100_000)), time)));
  const total = found.reduce((sum, { rate }) => sum + rate, 0);
  t.ok(near(total, 2_000_000), `${Math.round(total)} bytes a second`);
  for (const { rate } of found) t.ok(near(rate, total / 3), `${Math.round(rate)} bytes a second`);
});

t.test('gives way where a stream would wait for too long, and keeps to its rate again afterwards', async (t) => {
  const time = ownTime();
  const pace = new Pace({ bytesPerSecond: 1_000_000, longestWaitMs: 200, time });
  const crowd = await Promise.all(Array.from({ length: 40 }, () => rateOf(pace.through(chunks(3, 50_000)), time)));
  const slowest = Math.max(...crowd.map(({ longestMs }) => longestMs));
  t.ok(slowest < 600, `the longest pause: ${Math.round(slowest)} ms`);
  const { rate } = await rateOf(pace.through(chunks(30, 50_000)), time);
  t.ok(rate < 1_100_000 && rate > 750_000, `${Math.round(rate)} bytes a second, alone again`);
});

t.test('a rate that changes holds from then on, and none is no limit', async (t) => {
  const time = ownTime();
  const pace = new Pace({ bytesPerSecond: () => (time.nowMs() < 1000 ? 1_000_000 : 4_000_000), time });
  const { bytes } = await rateOf(pace.through(chunks(50, 100_000)), time);
  t.equal(bytes, 5_000_000);
  t.ok(near(time.nowMs(), 2000), `${Math.round(time.nowMs())} ms`);
  const unlimited = await rateOf(
    new Pace({ bytesPerSecond: () => Number.POSITIVE_INFINITY, time }).through(chunks(9, 100_000)),
    { nowMs: () => performance.now() },
  );
  t.equal(unlimited.bytes, 900_000);
  t.ok(unlimited.longestMs < 500);
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
