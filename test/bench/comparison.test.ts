import t from 'tap';
import { formatStandings, type Measurement, median, standingsOf } from './comparison.ts';
import type { Contestant } from './contestant.ts';

const contestants = [named('coffre', null), named('recipe', 0.2), named('restic', 0.8), named('absent', 1)];
const measured: readonly Measurement[] = [
  ...[taken('coffre', 1, 10), taken('recipe', 1, 100), taken('restic', 1, 11)],
  ...[taken('coffre', 2, 30), taken('recipe', 2, 100)],
  { kind: 'failed', contestant: 'restic', round: 2, why: 'no space' },
  ...[taken('coffre', 3, 20), taken('recipe', 3, 100), taken('restic', 3, 40)],
];

t.test('the median of an odd and of an even number', async (t) => {
  t.equal(median([9, 1, 5]), 5);
  t.equal(median([4, 1, 2, 9]), 3);
  t.ok(Number.isNaN(median([])));
});

t.test('ratios are taken within a round, and a failed backup counts for nothing', async (t) => {
  const standings = standingsOf(contestants, measured);
  t.match(
    standings.map(({ name, rounds, wallMs, coffreTakes }) => [name, rounds, wallMs, coffreTakes]),
    [
      ['coffre', 3, 20_000, 1],
      ['recipe', 3, 100_000, 0.2],
      ['restic', 2, 25_500, (10 / 11 + 0.5) / 2],
    ],
  );
  t.equal(standings.length, 3, 'whoever took no backup is not in the table');
});

t.test('after an interruption there is no ratio without a round of both', async (t) => {
  const [recipe] = standingsOf(contestants, [taken('recipe', 1, 100)]);
  t.equal(recipe?.coffreTakes, null);
});

t.test('the table says which aim is met, and what each leaves out', async (t) => {
  const text = formatStandings(contestants, standingsOf(contestants, measured), 2e9, true);
  t.match(text, /^recipe +100\.0 +20 +1\.5 +7 +0\.20 of it +≤ 0\.20 met$/m);
  t.match(text, /^restic .* 0\.70 of it +≤ 0\.80 met$/m);
  t.match(text, /^recipe +does recipe\n +leaves out: this, that$/m);
  const late = formatStandings(contestants, standingsOf(contestants, [...measured, taken('coffre', 1, 30)]), 2e9, true);
  t.match(late, /≤ 0\.20 MISSED/);
  t.notMatch(formatStandings(contestants, standingsOf(contestants, measured), 2e9, false), /aim|met/);
});

function named(name: string, aim: number | null): Contestant {
  const leavesOut = name === 'coffre' ? [] : ['this', 'that'];
  const never = () => Promise.reject(new Error('nothing is run here'));
  return { name, aim, leavesOut, does: `does ${name}`, programs: [], roughMBps: 1, takeBackup: never, clear: never };
}

function taken(contestant: string, round: number, seconds: number): Measurement {
  const wallMs = seconds * 1000;
  return {
    ...{ kind: 'taken', contestant, round },
    taken: { startedMs: 0, wallMs, busyMs: wallMs * 1.5, peakBytes: 5e6, storedBytes: 7e6 },
  };
}
