import fc from 'fast-check';
import t from 'tap';
import { OffsiteName, RecipientName, Sha256 } from '../../lib/model/names.ts';
import { type RunId, runIdAt, startOfRun } from '../../lib/model/run-id.ts';
import { type HeldRun, type PlannedRun, planRetention, type RetentionWish } from '../../lib/storage/plan-retention.ts';

const DAY_MS = 86_400_000;
const company = Sha256.parse('a'.repeat(64));
const escrow = Sha256.parse('b'.repeat(64));
const recipients: RetentionWish['recipients'] = new Map([[company, RecipientName.parse('company')]]);

const wish = (keep: RetentionWish['keep'], now = '2026-11-22T12:00:00Z'): RetentionWish => ({
  ...{ keep, schedule: '0 4 * * *', timezone: 'Europe/Paris', now: new Date(now), recipients },
});

function heldAt(times: readonly string[]): HeldRun[] {
  return times.map((time, index) => ({
    run: runIdAt(new Date(time)),
    sequence: index + 1,
    ...{ verified: true, opensWith: [company], owedTo: [] },
  }));
}

/** One run a night, the last one on `until`. */
function nights(count: number, until = '2026-11-22T03:00:00Z'): HeldRun[] {
  return heldAt(
    Array.from({ length: count }, (_, index) =>
      new Date(Date.parse(until) - (count - 1 - index) * DAY_MS).toISOString(),
    ),
  );
}

const staying = (plan: readonly PlannedRun[]) => plan.filter(({ reasons }) => reasons.length > 0).map(({ run }) => run);
const days = (runs: readonly RunId[]) => runs.map((run) => run.slice(0, 10));
const why = (plan: readonly PlannedRun[], run: string) =>
  plan.find((each) => each.run === run)?.reasons.map(({ kind }) => kind);

t.test('a year of nights is thinned out by days, weeks, months and years', async (t) => {
  const plan = planRetention(nights(400), wish({ daily: 3, weekly: 3, monthly: 3, yearly: 2 }));
  t.same(days(staying(plan)), [
    '2025-12-31', // the newest of its year
    '2026-09-30', // … of its month
    '2026-10-31',
    '2026-11-08', // … of its week, which ends on Sunday
    '2026-11-15',
    '2026-11-20', // … of its day
    '2026-11-21',
    '2026-11-22', // of its day, week, month and year
  ]);
  t.same(why(plan, '2026-11-22T030000Z'), [
    ...['daily', 'weekly', 'monthly', 'yearly', 'newest', 'newest-verified', 'last-for'],
  ]);
});

t.test('weeks are those of ISO 8601, also around New Year', async (t) => {
  const plan = planRetention(nights(15, '2027-01-10T03:00:00Z'), wish({ weekly: 3 }, '2027-01-10T12:00:00Z'));
  t.same(days(staying(plan)), ['2026-12-27', '2027-01-03', '2027-01-10']);
  const week = plan.find(({ run }) => run.startsWith('2027-01-03'))?.reasons[0];
  t.same(week, { kind: 'weekly', of: '2026-W53' });
});

t.test('nights without a run cost nothing: the newest days that have one count', async (t) => {
  const plan = planRetention(
    heldAt(['2026-03-01T03:00:00Z', '2026-06-01T03:00:00Z', '2026-11-01T03:00:00Z']),
    wish({ daily: 3 }),
  );
  t.equal(staying(plan).length, 3);
});

t.test('many runs of one day count once, and the newest of them stays', async (t) => {
  const flood = Array.from({ length: 50 }, (_, index) => new Date(Date.parse('2026-11-22T03:00:00Z') + index * 60_000));
  const all = [...nights(3, '2026-11-21T03:00:00Z').map(({ run }) => startOfRun(run)), ...flood].map((at) =>
    at.toISOString(),
  );
  const kept = staying(planRetention(heldAt(all), wish({ daily: 4 })));
  t.same(kept, ['2026-11-19T030000Z', '2026-11-20T030000Z', '2026-11-21T030000Z', '2026-11-22T034900Z']);
});

t.test('a run belongs to the day on which it was due', async (t) => {
  const late = heldAt(['2026-11-20T22:30:00Z', '2026-11-22T00:10:00Z', '2026-11-22T22:30:00Z']);
  const at = { ...wish({ daily: 1 }, '2026-11-23T12:00:00Z'), schedule: '30 23 * * *' };
  const plan = planRetention(late, at);
  t.same(
    plan.map(({ reasons }) => reasons.find(({ kind }) => kind === 'daily')),
    [...[undefined, undefined, { kind: 'daily', of: '2026-11-22' }]],
  );
  const two = planRetention(late, { ...at, keep: { daily: 2 } });
  t.same(two[1]?.reasons[0], { kind: 'daily', of: '2026-11-21' }, 'that of ten past one in the night was due at 23:30');
});

t.test('a verified run is preferred to a later one of its day that is not, and the newest stays besides', async (t) => {
  const [first, second] = heldAt(['2026-11-22T03:00:00Z', '2026-11-22T05:00:00Z']);
  const plan = planRetention([first as HeldRun, { ...(second as HeldRun), verified: false }], wish({ daily: 1 }));
  t.same(why(plan, '2026-11-22T030000Z'), ['daily', 'newest-verified']);
  t.same(why(plan, '2026-11-22T050000Z'), ['newest', 'last-for']);
});

t.test('the last run that a recipient of today can open stays; of somebody who has left none has to', async (t) => {
  const held = nights(30).map((each, index) => (index === 2 ? { ...each, opensWith: [company, escrow] } : each));
  const today = new Map([...recipients, [escrow, RecipientName.parse('escrow')]]);
  t.equal(staying(planRetention(held, { ...wish({ daily: 2 }), recipients: today })).length, 3);
  t.equal(staying(planRetention(held, wish({ daily: 2 }))).length, 2);
});

t.test('what an offsite is still to get stays', async (t) => {
  const held = nights(30).map((each, index) =>
    index === 0 ? { ...each, owedTo: [OffsiteName.parse('contractor')] } : each,
  );
  t.same(why(planRetention(held, wish({ daily: 2 })), held[0]?.run ?? ''), ['owed']);
});

t.test('a clock that jumps takes nothing away: what it misdated stays, and does not count', async (t) => {
  const before = nights(30);
  const expected = staying(planRetention(before, wish({ daily: 7 })));
  const jumped = (time: string, sequence: number): HeldRun => ({ ...(heldAt([time])[0] as HeldRun), sequence });
  for (const time of ['2031-01-01T03:00:00Z', '1999-01-01T03:00:00Z', '2026-11-01T03:00:01Z']) {
    const plan = planRetention([...before, jumped(time, 31)], wish({ daily: 7 }));
    t.same(
      staying(plan).filter((run) => before.some((each) => each.run === run)),
      expected,
      time,
    );
    const odd = plan.find(({ run }) => run === runIdAt(new Date(time)));
    t.match(odd?.reasons.at(-1)?.kind, /^(future|misdated)$/, time);
  }
});

const instant = fc.date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true });
const count = fc.integer({ min: 0, max: 12 });
const keep = fc
  .record({ daily: count, weekly: count, monthly: count, yearly: count })
  .filter((each) => Object.values(each).some((number) => number > 0));
const held = fc
  .array(fc.record({ at: instant, verified: fc.boolean(), escrowed: fc.boolean() }), { maxLength: 40 })
  .map((all) => {
    const byName = new Map(all.map((each) => [runIdAt(each.at), each]));
    return [...byName].map(
      ([run, { verified, escrowed }], index): HeldRun => ({
        ...{ run, verified, sequence: index + 1, owedTo: [] },
        opensWith: escrowed ? [company, escrow] : [company],
      }),
    );
  });
/** As a healthy host makes them. */
const ordered = held.map((all) =>
  [...all]
    .sort((one, other) => (one.run < other.run ? -1 : 1))
    .map((each, index) => ({ ...each, sequence: index + 1 })),
);
const late = '2031-01-01T00:00:00Z';

t.test('never below the floor, never the newest verified, never the last of a recipient', async () => {
  const both = new Map([...recipients, [escrow, RecipientName.parse('escrow')]]);
  fc.assert(
    fc.property(held, keep, instant, (runs, keep, now) => {
      const plan = planRetention(runs, { ...wish(keep), now, recipients: both });
      const kept = new Set(staying(plan));
      if (plan.length !== runs.length) return false;
      const gone = runs.filter(({ run }) => !kept.has(run));
      if (gone.length === 0) return true;
      const floor = Math.max(...Object.values(keep));
      const left = runs.filter(({ run }) => kept.has(run));
      const newer = (each: HeldRun, than: HeldRun) => each.run > than.run;
      return gone.every(
        (each) =>
          startOfRun(each.run).getTime() <= now.getTime() + 300_000 &&
          left.some((other) => newer(other, each)) &&
          (!each.verified || left.some((other) => other.verified && newer(other, each))) &&
          each.opensWith.every((key) => left.some((other) => other.opensWith.includes(key) && newer(other, each))) &&
          left.length >= Math.min(floor, 1),
      );
    }),
    { numRuns: 300 },
  );
});

t.test('of the days that have a run the newest so many have one left, whatever else is kept', async () => {
  fc.assert(
    fc.property(ordered, fc.integer({ min: 1, max: 12 }), (runs, daily) => {
      const utc = { ...wish({ daily }, late), timezone: 'UTC', schedule: '0 0 * * *' };
      const kept = new Set(days(staying(planRetention(runs, utc))));
      const due = runs.map(({ run }) => new Date(startOfRun(run).getTime() + 300_000).toISOString().slice(0, 10));
      const newest = [...new Set(due)].sort().slice(-daily);
      return newest.filter((day) => runs.some(({ run }) => run.startsWith(day))).every((day) => kept.has(day));
    }),
    { numRuns: 150 },
  );
});

t.test('planning again what is left takes nothing more away', async () => {
  fc.assert(
    fc.property(ordered, keep, (runs, keep) => {
      const kept = new Set(staying(planRetention(runs, wish(keep, late))));
      const left = runs.filter(({ run }) => kept.has(run));
      return staying(planRetention(left, wish(keep, late))).length === left.length;
    }),
    { numRuns: 150 },
  );
});

t.test('more runs never push out a day: a flood of a day leaves every other day alone', async () => {
  fc.assert(
    fc.property(ordered, keep, fc.integer({ min: 1, max: 20 }), (runs, keep, many) => {
      const last = runs.at(-1);
      if (!last) return true;
      const from = startOfRun(last.run).getTime();
      const flood = Array.from({ length: many }, (_, index) => ({
        ...last,
        run: runIdAt(new Date(from + (index + 1) * 1000)),
        sequence: runs.length + index + 1,
      }));
      const utc = { ...wish(keep, late), timezone: 'UTC', schedule: '0 0 * * *' };
      const slot = (run: RunId) => new Date(startOfRun(run).getTime() + 300_000).toISOString().slice(0, 10);
      if (flood.some(({ run }) => slot(run) !== slot(last.run))) return true;
      const others = (all: readonly HeldRun[]) =>
        staying(planRetention(all, utc)).filter((run) => slot(run) !== slot(last.run));
      const [without, within] = [others(runs), new Set(others([...runs, ...flood]))];
      return without.every((run) => within.has(run));
    }),
    { numRuns: 150 },
  );
});
