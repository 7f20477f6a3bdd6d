import t from 'tap';
import { anomalyOf, type Measured } from '../../lib/audit/anomaly.ts';
import { randomOf } from '../fixture/random.ts';

const DAY_MS = 86_400_000;
const SIZE = { noise: 1024 * 1024, factor: 1.3 };
const GB = 1e9;
/** The first of these nights was a Sunday. */
const night = (n: number) => new Date(Date.UTC(2026, 0, 4, 4) + n * DAY_MS);
const nights = (count: number, value: (n: number) => number): Measured[] =>
  Array.from({ length: count }, (_, n) => ({ at: night(n), value: value(n) }));

interface Shape {
  readonly name: string;
  /** Growth of a day, as a part. */
  readonly growth: number;
  /** Standard deviation of the logarithm. */
  readonly noise: number;
  /** By what each day of the week differs, from Sunday on. */
  readonly week: readonly number[];
}

const EVEN = [1, 1, 1, 1, 1, 1, 1];
const SHAPES: readonly Shape[] = [
  { name: 'even', growth: 0, noise: 0.002, week: EVEN },
  { name: 'noisy', growth: 0, noise: 0.05, week: EVEN },
  { name: 'very noisy', growth: 0, noise: 0.25, week: EVEN },
  { name: 'growing by a thousandth a day', growth: 0.001, noise: 0.01, week: EVEN },
  { name: 'growing by a fiftieth a day', growth: 0.02, noise: 0.02, week: EVEN },
  { name: 'smaller on weekends', growth: 0.001, noise: 0.02, week: [0.5, 1, 1, 1, 1, 1, 0.5] },
  { name: 'three times as large on Sundays', growth: 0.001, noise: 0.03, week: [3, 1, 1, 1, 1, 1, 1] },
  { name: 'another size every day of the week', growth: 0, noise: 0.03, week: [1, 1.4, 2, 1.2, 0.8, 3, 0.6] },
];

function historyOf({ growth, noise, week }: Shape, count: number, seed: number): Measured[] {
  const { below } = randomOf(seed);
  const uniform = () => (below(1_000_000) + 1) / 1_000_001;
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return nights(
    count,
    (n) => 4 * GB * (1 + growth) ** n * (week[night(n).getUTCDay()] ?? 1) * Math.exp(noise * normal()),
  );
}

t.test('hardly ever calls a night odd that is not', async (t) => {
  let judged = 0;
  let odd = 0;
  for (const [index, shape] of SHAPES.entries()) {
    let own = 0;
    for (let host = 0; host < 1; host += 1) {
      const history = historyOf(shape, 365, 1000 * index + host);
      for (let end = 8; end <= history.length; end += 1) {
        judged += 1;
        if (anomalyOf(history.slice(Math.max(0, end - 90), end), SIZE)) own += 1;
      }
    }
    odd += own;
    t.comment(`${shape.name}: ${own} of 358 nights`);
  }
  t.comment(`false alarms: ${odd} of ${judged} nights, ${((1000 * odd) / judged).toFixed(2)} in a thousand`);
  t.ok(odd / judged < 0.001, `${odd} of ${judged}`);
});

t.test('sees a night that has lost half, or doubled, however the host is', async (t) => {
  for (const [index, shape] of SHAPES.entries()) {
    if (shape.noise > 0.1) continue;
    let seen = 0;
    const tries = 40;
    for (let end = 100; end < 100 + tries; end += 1) {
      const history = historyOf(shape, end, 77 + index);
      const last = history.at(-1) as Measured;
      const changed = (factor: number) => [...history.slice(0, -1), { ...last, value: last.value * factor }];
      if (anomalyOf(changed(0.45), SIZE) && anomalyOf(changed(2.2), SIZE)) seen += 1;
    }
    t.ok(seen >= tries * 0.95, `${shape.name}: ${seen} of ${tries}`);
  }
});

t.test('sees a collapse even where sizes vary much', async (t) => {
  const history = historyOf({ ...EVEN_NOISE, noise: 0.25 }, 100, 5);
  const last = history.at(-1) as Measured;
  t.match(anomalyOf([...history.slice(0, -1), { ...last, value: last.value * 0.05 }], SIZE), { ratio: Number });
});

const EVEN_NOISE: Shape = { name: '', growth: 0, noise: 0, week: EVEN };

t.test('says what is usual, and by how much the night differs', async (t) => {
  const usual = nights(40, (n) => (n === 39 ? 1.2 * GB : (4 + 0.4 * ((n * 7) % 10) * 0.1) * GB));
  const odd = anomalyOf(usual, SIZE);
  t.match(odd, { count: 28, weekday: null });
  t.ok(odd && odd.ratio > 0.25 && odd.ratio < 0.32, `${odd?.ratio}`);
  t.ok(odd && odd.usual[0] >= 4 * GB && odd.usual[1] <= 4.4 * GB, `${odd?.usual}`);
});

t.test('misses the large Sunday, which is usual on any other day', async (t) => {
  const size = (n: number) => (night(n).getUTCDay() === 0 ? 12 : 4) * GB;
  const history = nights(64, (n) => (n === 63 ? 4 * GB : size(n)));
  t.equal(history.at(-1)?.at.getUTCDay(), 0);
  t.match(anomalyOf(history, SIZE), { weekday: 0, count: 8, usual: [12 * GB, 12 * GB] });
  t.equal(anomalyOf(nights(64, size), SIZE), undefined);
});

t.test('tells of a size that has changed for good for a week, and then no more', async (t) => {
  const history = nights(120, (n) => (n < 80 ? 4 : 1) * GB);
  const told = Array.from({ length: 40 }, (_, after) => anomalyOf(history.slice(0, 81 + after), SIZE) !== undefined);
  t.strictSame(
    told.slice(0, 7),
    Array.from({ length: 7 }, () => true),
  );
  t.strictSame(
    told.slice(9),
    Array.from({ length: 31 }, () => false),
    told.map(Number).join(''),
  );
});

t.test('one odd night does not make the next ones odd', async (t) => {
  const history = nights(120, (n) => (n === 80 ? 1 : 4) * GB);
  for (let end = 82; end <= 120; end += 1) t.equal(anomalyOf(history.slice(0, end), SIZE), undefined);
});

t.test('says nothing of a young host, of tiny databases, and of nothing', async (t) => {
  t.equal(anomalyOf([], SIZE), undefined);
  t.equal(
    anomalyOf(
      nights(7, (n) => (n === 6 ? 1 : 4 * GB)),
      SIZE,
    ),
    undefined,
  );
  t.not(
    anomalyOf(
      nights(8, (n) => (n === 7 ? 1 : 4 * GB)),
      SIZE,
    ),
    undefined,
    'a week is enough for a collapse',
  );
  t.equal(
    anomalyOf(
      nights(60, (n) => (n % 5 === 0 ? 20_000 : 4000)),
      SIZE,
    ),
    undefined,
  );
  t.equal(
    anomalyOf(
      nights(60, () => 0),
      SIZE,
    ),
    undefined,
  );
});
