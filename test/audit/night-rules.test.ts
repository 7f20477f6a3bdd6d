import assert from 'node:assert/strict';
import t from 'tap';
import { copiedRuns } from '../../lib/audit/copied-runs.ts';
import { copiesRule } from '../../lib/audit/copies-rule.ts';
import type { Expectation } from '../../lib/audit/expectation.ts';
import { gapRule } from '../../lib/audit/gap-rule.ts';
import type { PlaceEvent } from '../../lib/audit/place-event.ts';
import type { PublishedLink } from '../../lib/audit/published.ts';
import { expiringKeys, lastByClosedKey } from '../../lib/audit/signer-rules.ts';
import { signerSetOf } from '../../lib/audit/signer-set.ts';
import { earlierOddities, sizeRule } from '../../lib/audit/size-rule.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import type { HostName, OffsiteName } from '../../lib/model/names.ts';
import { keptRuns } from '../../lib/model/retention.ts';
import { runIdAt } from '../../lib/model/run-id.ts';
import { AuditHost } from '../fixture/audit-world.ts';
import { figuresFor } from '../fixture/figures.ts';
import { linkOf, repositoryOf } from '../fixture/published-link.ts';

const DAY_MS = 86_400_000;
const NOW = new Date('2026-11-30T12:00:00Z');
/** `n` nights before the last one. */
const night = (n: number) => new Date(Date.UTC(2026, 10, 30, 4, 0, 7) - n * DAY_MS);
const db1 = 'db1' as HostName;
const contractor = 'contractor' as OffsiteName;

function expectation(plan: Partial<HostConfig> = {}, allowedSigners = ''): Expectation {
  const nightly = { schedule: '0 4 * * *', timezone: 'UTC', graceHours: 6, offsite: [{ name: contractor }], ...plan };
  return {
    hosts: new Map([[db1, nightly as unknown as HostConfig]]),
    recipients: new Map(),
    drillers: new Map(),
    retired: new Set(),
    signers: signerSetOf(allowedSigners),
    seen: null,
    now: NOW,
  };
}

/** The last `count` nights, the oldest first; `change` is told how many nights ago. */
const nights = (count: number, change: (n: number) => Partial<PublishedLink> = () => ({})) =>
  Array.from({ length: count }, (_, index) => linkOf('db1', night(count - 1 - index), change(count - 1 - index)));
const brief = (findings: readonly { severity: string; rule: string; message: string }[]) =>
  findings.map(({ severity, rule, message }) => `${severity} ${rule}: ${message}`);

t.test('a night beside the nights before it', async (t) => {
  const judge = (links: readonly PublishedLink[]) => brief(sizeRule({ links }, expectation()));
  const tonight = (changes: Partial<PublishedLink>) => nights(40, (n) => (n === 0 ? changes : {}));
  const sized = (plainBytes: number) => ({ figures: figuresFor({ plainBytes }) });
  t.strictSame(judge(nights(40)), []);
  t.strictSame(judge(tonight(sized(1.2e9))), [
    'warning size: it has 1.1 GiB of SQL; most of the last 28 runs had 3.7 GiB',
  ]);
  t.strictSame(judge(tonight(sized(9e9))), [
    'warning size: it has 8.4 GiB of SQL; most of the last 28 runs had 3.7 GiB',
  ]);
  t.match(judge(tonight(sized(0.3e9))), [/^error size: it has 286 MiB of SQL/]);
  t.strictSame(judge(tonight({ figures: figuresFor({ databases: 0, plainBytes: 0 }) })), [
    'error size: it has no database; none of the 7 runs before it had fewer than 3 databases',
    'error size: it has 0 B of SQL; most of the last 28 runs had 3.7 GiB',
  ]);
  t.strictSame(judge(tonight({ figures: figuresFor({ databases: 1 }) })), [
    'warning size: it has 1 database; none of the 7 runs before it had fewer than 3 databases',
  ]);
  t.match(judge(tonight({ finishedAt: new Date(night(0).getTime() + 5 * 3_600_000).toISOString() })), [
    /^warning duration: it took 5 h 0 min; most of the last 28 runs took 1 min 0 s$/,
  ]);
  t.strictSame(judge(tonight({ ...sized(1), outcome: 'failed' })), [], 'a run that failed is told by other rules');
  t.strictSame(judge(tonight({ ...sized(1), trusted: false })), []);
  t.strictSame(judge(nights(2, (n) => (n === 0 ? { figures: figuresFor({ databases: 0 }) } : {}))), [
    'error size: it has no database; the run before it had 3 databases',
  ]);
});

t.test('of each earlier night is told what was told of it while it was the newest', async (t) => {
  const odd: Readonly<Record<number, Partial<PublishedLink>>> = {
    3: { outcome: 'failed', figures: figuresFor({ plainBytes: 1 }) },
    10: { figures: figuresFor({ plainBytes: 0.2e9 }) },
    31: { figures: figuresFor({ databases: 1, plainBytes: 1.1e9 }) },
    88: { finishedAt: new Date(night(88).getTime() + 5 * 3_600_000).toISOString() },
    120: { figures: figuresFor({ plainBytes: 9e9 }), trusted: false },
    150: { figures: figuresFor({ plainBytes: 9e9 }) },
  };
  const wave = (n: number) => ({ figures: figuresFor({ plainBytes: 4e9 + 1e8 * Math.sin(n) }) });
  const links = nights(200, (n) => ({ ...wave(n), ...odd[n] }));
  const then = links.slice(0, -1).flatMap((last, index) => {
    if (!last.trusted || last.outcome !== 'succeeded') return [];
    return sizeRule({ links: links.slice(0, index + 1) }, expectation());
  });
  t.strictSame(earlierOddities(links, night(200)), then);
  t.strictSame(
    then.map(({ path }) => path),
    [150, 88, 31, 31, 10].map((n) => links[199 - n]?.path),
  );
  t.strictSame(
    earlierOddities([...links].reverse(), night(31)).map(({ severity }) => severity),
    ['warning', 'warning', 'error'],
    'and only as far back as one looks',
  );
  const newest = nights(40, (n) => (n === 0 ? { figures: figuresFor({ plainBytes: 1 }) } : {}));
  t.strictSame(earlierOddities(newest, night(40)), [], 'the newest is for the rule');
});

t.test('nights of the last two weeks without a run that succeeded, once there is a later one', async (t) => {
  const judge = (links: readonly PublishedLink[], plan: Partial<HostConfig> = {}) =>
    gapRule({ links }, expectation(plan));
  t.strictSame(judge(nights(30)), []);
  const without = (...gone: number[]) => nights(30).filter((_, index) => !gone.includes(29 - index));
  t.match(brief(judge(without(3))), [/^warning gap: .* at 2026-11-27 04:00 \(silent\)$/]);
  t.match(brief(judge(nights(30, (n) => (n === 3 ? { outcome: 'failed' } : {})))), [/2026-11-27 04:00 \(failed\)$/]);
  t.match(brief(judge(without(3, 4, 5, 6))), [/2026-11-27 04:00 \(silent\), .*, and 1 more$/]);
  t.strictSame(judge(without(0)), [], 'the newest one is for freshness to tell');
  t.strictSame(judge(without(20)), [], 'two weeks later nothing can be made good');
  t.strictSame(judge(nights(3)), [], 'a young host');
  t.strictSame(judge([]), []);
  t.match(judge(nights(30), { schedule: '0 * * * *' }), [{ rule: 'gap' }], 'every hour was due');
  t.strictSame(judge(nights(30), { schedule: '0 4 * * 1' }), []);
});

t.test('retention keeps the newest run of each day, week, month and year that has one', async (t) => {
  const runs = Array.from({ length: 70 }, (_, n) => runIdAt(night(n)));
  const plan = { schedule: '0 4 * * *', timezone: 'UTC' };
  t.strictSame(
    keptRuns(runs, { daily: 3 }, plan),
    [2, 1, 0].map((n) => runIdAt(night(n))),
  );
  // The last night was a Monday.
  t.strictSame(
    keptRuns(runs, { weekly: 3 }, plan),
    [8, 1, 0].map((n) => runIdAt(night(n))),
  );
  t.strictSame(
    keptRuns(runs, { monthly: 2, yearly: 5 }, plan),
    [30, 0].map((n) => runIdAt(night(n))),
  );
  t.strictSame(keptRuns([...runs, runIdAt(new Date(night(0).getTime() + 60_000))], { daily: 1 }, plan).length, 1);
  t.strictSame(keptRuns(runs, {}, plan), []);
  t.strictSame(keptRuns([], { daily: 9 }, plan), []);
});

t.test('good runs of each place, beside what its retention keeps', async (t) => {
  const retention = { store: { daily: 7 }, offsite: { daily: 14, weekly: 4 } };
  const judge = (links: readonly PublishedLink[], placeEvents: readonly PlaceEvent[] = []) =>
    copiesRule(repositoryOf(links, { placeEvents }), expectation({ retention }));
  const store = { kind: 'store', offsite: null, state: 'complete', verified: 'read back' } as const;
  const offsite = (state: 'complete' | 'owed' | 'missing') =>
    ({ kind: 'offsite', offsite: contractor, state, verified: state === 'complete' ? 'size only' : null }) as const;
  const event = (what: PlaceEvent['what'], of: readonly number[], at = 1): PlaceEvent => ({
    ...{ host: db1, kind: 'offsite', offsite: contractor, what, at: new Date(NOW.getTime() + at).toISOString() },
    runs: of.map((n) => runIdAt(night(n))),
  });
  t.strictSame(judge(nights(60)), []);
  t.strictSame(judge(nights(3)), [], 'a young host');
  t.strictSame(judge([...nights(60)].filter((_, index) => index % 2 === 0)), [], 'nights without a backup');
  t.strictSame(judge(nights(60, (n) => (n > 2 ? { copies: [store] } : {}))), [], 'a young place');
  t.strictSame(
    judge(nights(10, (n) => (n < 9 ? { copies: [store, offsite('owed')] } : {}))),
    [],
    'owed is told elsewhere',
  );
  const never = nights(10, (n) => (n < 9 ? { copies: [store, offsite('missing')] } : {}));
  t.match(judge(never), [
    {
      severity: 'error',
      message:
        /^the offsite contractor has 1 good runs, and its retention \(14 daily, 4 weekly\) keeps 10 of the 10 there were; not there: 2026-11-30T040007Z \(never delivered\), .*, and 6 more$/,
    },
  ]);
  const delivery = { run: runIdAt(night(8)), kind: 'offsite', offsite: contractor, verified: 'size only' } as const;
  t.match(judge([...never.slice(0, -1), { ...(never.at(-1) as PublishedLink), deliveries: [delivery] }]), [
    { message: /has 2 good runs/ },
  ]);
  const all = Array.from({ length: 60 }, (_, n) => n);
  t.strictSame(
    judge(nights(60), [event('removed', all.slice(20))]),
    [],
    'the weekly ones are old enough to be counted',
  );
  t.match(judge(nights(60), [event('removed', all.slice(5))]), [{ severity: 'warning', message: /\(removed\)/ }]);
  t.match(judge(nights(60), [event('removed', all.slice(20)), event('bad', [0, 1, 2, 3, 4, 5])]), [
    { severity: 'error', message: /2026-11-30T040007Z \(found damaged or missing\)/ },
  ]);
  t.strictSame(judge(nights(60), [event('good', [0], 2), event('bad', [0], 1), event('removed', all.slice(20))]), []);
});

t.test('a signing key is told to expire two weeks before', async (t) => {
  const host = new AuditHost('db1');
  const judge = (line: string) => brief(expiringKeys(repositoryOf([]), expectation({}, line)));
  t.strictSame(judge(host.line()), []);
  t.strictSame(judge(host.line('valid-before="20270101Z"')), []);
  t.match(judge(host.line('valid-before="20261210Z"')), [
    /^warning signer: its signing key expires at 2026-12-10T00:00/,
  ]);
  t.match(judge(host.line('valid-before="20261110Z"')), [/^error signer: its signing key expired at 2026-11-10T00:00/]);
  const next = host.branch(new AuditHost('db1').key);
  t.strictSame(judge(host.line('valid-before="20261110Z"') + next.line('valid-after="20261110Z"')), []);
  t.match(judge(host.line('', 'retired')), [
    'error signer: all its signing keys are retired, and it is in the inventory',
  ]);
});

t.test('a newest record by a retired key is told, until the new key has signed one', async (t) => {
  const [old, young] = [new AuditHost('db1'), new AuditHost('db1')];
  const lines = old.line().replace('\n', ' retired\n') + young.line();
  const judge = (signedBy: readonly string[], text: string) =>
    brief(
      lastByClosedKey(
        repositoryOf(
          nights(signedBy.length).map((link, index) => ({
            ...link,
            sequence: index + 1,
            signedBy: signedBy[index] ?? null,
          })),
        ),
        expectation({}, text),
      ),
    );
  const [first, second] = (signerSetOf(lines).get(db1) ?? []).map(({ fingerprint }) => fingerprint);
  assert.ok(first && second);
  t.match(judge([first, first], lines), [
    /^warning signer: its newest record was signed by SHA256:.*, a key that is retired/,
  ]);
  t.strictSame(judge([first, second], lines), []);
  t.strictSame(judge([first, first], old.line() + young.line()), [], 'neither is retired');
});

t.test('a run that came to the store late is there, and nothing is said of the export by that', async (t) => {
  const owed = { kind: 'store' as const, offsite: null, state: 'owed' as const, verified: null };
  const lost = { kind: 'export' as const, offsite: null, state: 'missing' as const, verified: null };
  const link = linkOf('db1', night(1), { copies: [owed, lost] });
  const late = { run: link.run, kind: 'store', offsite: null, verified: 'read back' } as const;
  const [told] = copiedRuns([link, linkOf('db1', night(2), { outcome: 'failed', deliveries: [late] })], 1);
  t.match(told?.copies, [
    { place: 'store', state: 'complete', verified: 'read back' },
    { place: 'export', state: 'missing', verified: null },
  ]);
});
