import t from 'tap';
import type { AuditFinding } from '../../lib/audit/finding.ts';
import type { HostName } from '../../lib/model/names.ts';
import { overviewOfHistory } from '../fixture/judged-history.ts';
import { historyOf } from '../fixture/told-history.ts';

const now = new Date('2026-11-22T11:00:00Z');
const found = (changes: Partial<AuditFinding>): AuditFinding => ({
  rule: 'chain',
  severity: 'error',
  host: null,
  path: null,
  message: 'it is not the one',
  hint: 'look',
  ...changes,
});

t.test('of each host it tells the nights, the copies, the drill, the chain, and what is owed', async (t) => {
  const mishap = (h: number, ago: number) => (h === 1 && ago === 0 ? 'owed' : undefined);
  const overview = overviewOfHistory(historyOf({ hosts: 2, nights: 40, now, mishap }), now);
  const [db1, db2] = overview.hosts;
  t.match(overview, { manifests: 80, retired: [], findings: [], madeAt: now.toISOString() });
  t.match(db1, {
    host: 'db1',
    state: 'fresh',
    schedule: { cron: '0 4 * * *', timezone: 'UTC' },
    latestSucceeded: { run: '2026-11-22T040007Z' },
    owed: [],
    chain: { kind: 'whole', length: 40 },
    drill: { state: 'fresh', maxAgeDays: 10, latestProof: { driller: 'drill1', place: 'contractor' } },
    findings: [],
  });
  t.equal(db1?.nights.length, 40);
  t.equal(db1?.copied.length, 7);
  t.strictSame(db2?.owed, [{ place: 'contractor', runs: 1 }]);
  t.match(db2?.findings, [{ rule: 'owed-copy', severity: 'warning' }]);
  t.equal(db2?.chain.kind, 'whole', 'what is owed is not held against the record');
});

t.test('a finding is of the host that it names, or in whose folder its path is', async (t) => {
  const history = historyOf({ hosts: 2, nights: 3, now });
  const path = history.links.find(({ host }) => host === 'db2')?.path ?? '';
  const overview = overviewOfHistory(history, now, [
    found({ rule: 'append-only', path }),
    found({ rule: 'append-only', message: 'the history does not contain the head' }),
    found({ rule: 'belongs', path: 'dump.sql' }),
    found({ rule: 'known-host', host: 'db9' as HostName, path: 'manifests/db9' }),
  ]);
  t.match(overview.hosts[0]?.chain, { kind: 'whole' });
  t.match(overview.hosts[1]?.chain, { kind: 'broken', findings: [{ rule: 'append-only' }] });
  t.match(overview.hosts[1]?.nights[0]?.findings, [{ rule: 'append-only' }], 'and of its night');
  t.strictSame(
    overview.findings.map(({ rule, host }) => `${rule} ${host ?? ''}`),
    ['append-only ', 'belongs ', 'known-host db9'],
  );
});

t.test('every night that was odd is marked, and only the newest one is held against the host', async (t) => {
  const mishap = (h: number, ago: number) => (ago === 9 || ago === 200 || (h === 1 && ago === 0) ? 'odd' : undefined);
  const { hosts } = overviewOfHistory(historyOf({ hosts: 2, nights: 365, now, mishap }), now);
  const marked = hosts.map(({ nights }) =>
    nights.flatMap(({ date, findings }) => findings.map(({ rule }) => `${date} ${rule}`)),
  );
  t.strictSame(marked, [
    ['2026-05-06 size', '2026-11-13 size'],
    ['2026-05-06 size', '2026-11-13 size', '2026-11-22 size'],
  ]);
  t.strictSame(
    hosts.map(({ findings }) => findings.map(({ rule }) => rule)),
    [[], ['size']],
  );
});

t.test('what is not trusted tells nothing, and a host without a record is empty', async (t) => {
  const history = historyOf({ hosts: 2, nights: 5, now });
  const links = history.links
    .filter(({ host }) => host === 'db1')
    .map((link) => ({ ...link, trusted: !link.run.startsWith('2026-11-22') }));
  const { hosts } = overviewOfHistory({ ...history, links, drills: [] }, now);
  t.match(hosts[0], { state: 'stale', latestSucceeded: { run: '2026-11-21T040007Z' } });
  t.match(hosts[0]?.nights.at(-1), { outcome: 'missing', runs: 0, run: null });
  t.match(hosts[1], { state: 'missing', nights: [], chain: { kind: 'empty' }, latestSucceeded: null, copied: [] });
});
