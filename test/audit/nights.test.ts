import t from 'tap';
import { NIGHTS, nightsOf } from '../../lib/audit/nights.ts';
import type { PublishedLink } from '../../lib/audit/published.ts';
import type { Night } from '../../lib/model/overview.ts';
import { runIdAt } from '../../lib/model/run-id.ts';
import { firesBetween } from '../../lib/model/schedule.ts';

type Outcome = PublishedLink['outcome'];

/** A manifest of a run that started at `at`, as much of it as nights look at. */
function link(at: string, outcome: Outcome = 'succeeded'): PublishedLink {
  const start = new Date(at);
  const times = { startedAt: start.toISOString(), finishedAt: new Date(start.getTime() + 60_000).toISOString() };
  const figures = { databases: 2, plainBytes: 4096, sealedBytes: 1040, dayArchiveBytes: 2000, recipients: [] };
  const error = outcome === 'succeeded' ? null : { code: 'locked', phase: 'preflight' };
  return {
    run: runIdAt(start),
    outcome,
    ...times,
    figures,
    error,
    path: `manifests/db1/${at}`,
  } as unknown as PublishedLink;
}

interface Plan {
  readonly schedule?: string;
  readonly timezone?: string;
  readonly graceHours?: number;
}

function nights(own: readonly PublishedLink[], now: string, plan: Plan = {}): Night[] {
  const { schedule = '0 4 * * *', timezone = 'UTC', graceHours = 6 } = plan;
  const [from, to] = [new Date('2025-01-01T00:00:00Z'), new Date('2027-01-01T00:00:00Z')];
  const fires = firesBetween(schedule, timezone, from, to);
  return nightsOf({ own, plan: { timezone, graceHours }, fires, findings: new Map(), now: new Date(now) });
}

const told = (all: readonly Night[]) => all.map(({ date, outcome }) => `${date.slice(5)} ${outcome}`);

t.test('every night from the first record on has an outcome', async (t) => {
  const own = [
    link('2026-11-18T04:00:07Z'),
    link('2026-11-19T04:00:07Z', 'failed'),
    link('2026-11-21T04:00:07Z', 'skipped'),
  ];
  const expected = ['11-18 succeeded', '11-19 failed', '11-20 missing', '11-21 skipped'];
  t.strictSame(told(nights(own, '2026-11-22T03:00:00Z')), [...expected, '11-22 awaited'], 'before it is due');
  t.strictSame(told(nights(own, '2026-11-22T09:59:00Z')), [...expected, '11-22 awaited'], 'within the grace');
  t.strictSame(told(nights(own, '2026-11-22T10:00:00Z')), [...expected, '11-22 missing'], 'when that is over');
  t.match(nights(own, '2026-11-22T03:00:00Z').slice(0, 2), [
    { runs: 1, run: { run: '2026-11-18T040007Z', durationMs: 60_000, sealedBytes: 2000, errorCode: null } },
    { runs: 1, run: { errorCode: 'locked' } },
  ]);
});

t.test('a host without any record has no nights, and a year is the most', async (t) => {
  t.strictSame(nights([], '2026-11-22T12:00:00Z'), []);
  const year = nights([link('2025-01-10T04:00:00Z'), link('2026-11-22T04:00:00Z')], '2026-11-22T12:00:00Z');
  t.equal(year.length, NIGHTS);
  t.strictSame([year[0]?.date, year.at(-1)?.date], ['2025-11-23', '2026-11-22']);
});

t.test('of several runs of a night the best one counts', async (t) => {
  const own = [
    link('2026-11-22T04:00:07Z', 'failed'),
    link('2026-11-22T05:00:00Z'),
    link('2026-11-22T06:00:00Z', 'skipped'),
  ];
  t.match(nights(own, '2026-11-22T12:00:00Z'), [{ outcome: 'succeeded', runs: 3, run: { run: '2026-11-22T050000Z' } }]);
});

t.test('a run counts for the night at which it was due, on the clocks of the host', async (t) => {
  const late = [link('2026-11-20T22:30:05Z'), link('2026-11-21T23:20:00Z')]; // 23:30 of the 20th, 00:20 of the 22nd
  const plan = { schedule: '30 23 * * *', timezone: 'Europe/Paris' };
  t.strictSame(told(nights(late, '2026-11-22T12:00:00Z', plan)), [
    '11-20 succeeded',
    '11-21 succeeded',
    '11-22 awaited',
  ]);
  const tokyo = [link('2026-11-20T19:00:07Z'), link('2026-11-21T19:00:07Z')];
  t.strictSame(told(nights(tokyo, '2026-11-22T03:00:00Z', { timezone: 'Asia/Tokyo' })), [
    '11-21 succeeded',
    '11-22 succeeded',
  ]);
  const early = [link('2026-11-20T23:58:00Z')];
  t.strictSame(
    told(nights(early, '2026-11-21T03:00:00Z', { schedule: '0 0 * * *' })),
    ['11-21 succeeded'],
    'a slow clock',
  );
  const byHand = [link('2026-11-20T04:00:00Z'), link('2026-11-21T02:00:00Z')];
  t.strictSame(told(nights(byHand, '2026-11-21T03:00:00Z')), ['11-20 succeeded', '11-21 succeeded'], 'one by hand');
});

t.test('a night at which nothing is due is none that is missing', async (t) => {
  const sundays = [link('2026-11-15T04:00:07Z'), link('2026-11-18T15:00:00Z')];
  const plan = { schedule: '0 4 * * 0' };
  t.strictSame(told(nights(sundays, '2026-11-22T12:00:00Z', plan)), [
    '11-15 succeeded',
    '11-16 none due',
    '11-17 none due',
    '11-18 succeeded',
    '11-19 none due',
    '11-20 none due',
    '11-21 none due',
    '11-22 missing',
  ]);
});

t.test('what a rule has found of a manifest stands at its night', async (t) => {
  const own = [link('2026-11-21T04:00:07Z'), link('2026-11-22T04:00:07Z')];
  const finding = { rule: 'size', severity: 'warning', path: null, message: 'small', hint: 'look' } as const;
  const found = nightsOf({
    own,
    plan: { timezone: 'UTC', graceHours: 6 },
    fires: [],
    findings: new Map([[own[1]?.path ?? '', [finding]]]),
    now: new Date('2026-11-22T12:00:00Z'),
  });
  t.strictSame(
    found.map(({ findings }) => findings),
    [[], [finding]],
  );
});
