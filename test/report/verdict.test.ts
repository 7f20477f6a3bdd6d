import t from 'tap';
import type { AuditFinding } from '../../lib/audit/finding.ts';
import { standingOf, troublesOf, verdictOf } from '../../lib/report/verdict.ts';
import { overviewOfHistory } from '../fixture/judged-history.ts';
import { historyOf, type Mishap } from '../fixture/told-history.ts';

const now = new Date('2026-11-22T11:00:00Z');
type Fate = (host: number, ago: number) => Mishap | undefined;
const overviewOf = (hosts: number, mishap?: Fate, extra: readonly AuditFinding[] = []) =>
  overviewOfHistory(historyOf({ hosts, nights: 30, now, ...(mishap ? { mishap } : {}) }), now, extra);
const sentenceOf = (...args: Parameters<typeof overviewOf>) => verdictOf(overviewOf(...args)).sentence;
const silent =
  (...hosts: number[]): Fate =>
  (h, ago) =>
    hosts.includes(h) && ago < 3 ? 'missing' : undefined;

t.test('says in one sentence as of when all hosts are recoverable', async (t) => {
  t.equal(sentenceOf(12), 'All 12 hosts are recoverable as of 22 Nov 2026, 04:00 UTC.');
  t.equal(sentenceOf(1), 'db1 is recoverable as of 22 Nov 2026, 04:00 UTC.');
  const early = overviewOfHistory(historyOf({ hosts: 3, nights: 9, now }), new Date('2026-11-22T11:00:00Z'));
  const [db1, ...others] = early.hosts;
  const older = db1?.latestSucceeded && { ...db1.latestSucceeded, startedAt: '2026-11-21T20:00:00.000Z' };
  const hosts = [...others, ...(db1 && older ? [{ ...db1, latestSucceeded: older }] : [])];
  t.match(verdictOf({ ...early, hosts }), { asOf: '2026-11-21T20:00:00.000Z', standing: 'good', recoverable: 3 });
});

t.test('or what is not', async (t) => {
  const asOf = 'as of 22 Nov 2026, 04:00 UTC';
  t.equal(
    sentenceOf(12, silent(2)),
    `11 of 12 hosts are recoverable ${asOf}; db3 is not: no good run since 19 Nov 2026.`,
  );
  t.equal(sentenceOf(3, silent(0, 1)), `1 of 3 hosts is recoverable ${asOf}; db1 and db2 are not.`);
  t.equal(
    sentenceOf(6, silent(0, 1, 2, 3, 4)),
    `1 of 6 hosts is recoverable ${asOf}; db1, db2, db3 and 2 more are not.`,
  );
  t.equal(sentenceOf(2, silent(0, 1)), 'None of 2 hosts is recoverable: no good run since 19 Nov 2026.');
  t.equal(
    sentenceOf(1, () => 'missing'),
    'db1 is not shown to be recoverable: no run has ever been published.',
  );
  t.equal(verdictOf(overviewOf(3, silent(1))).standing, 'bad');
});

t.test('what is wrong with the repository itself is said besides', async (t) => {
  const smuggled = { rule: 'belongs', severity: 'error', host: null, path: 'x', message: 'no', hint: 'look' } as const;
  const verdict = verdictOf(overviewOf(2, undefined, [smuggled]));
  t.match(verdict, { standing: 'bad', recoverable: 2 });
  t.match(verdict.sentence, /^All 2 hosts are recoverable .* The audit repository has an error that is of no host\.$/);
});

t.test('names each trouble of a host once', async (t) => {
  const [db1, db2] = overviewOf(2, (h, ago) =>
    h === 0 && ago === 0 ? 'failed' : h === 1 && ago < 2 ? 'owed' : undefined,
  ).hosts;
  t.strictSame(db1 && troublesOf(db1).map(({ terse }) => terse), ['stale']);
  t.equal(db1 && standingOf(db1), 'bad');
  t.match(db2 && troublesOf(db2), [{ terse: 'copy owed', text: 'copies are owed to contractor' }]);
});

t.test('copies that a later look has found bad are nothing against the record', async (t) => {
  const bad = { rule: 'verified-copies', severity: 'error', path: null, message: 'm', hint: 'h' } as const;
  const { hosts } = overviewOf(1, undefined, [{ ...bad, host: 'db1' as never }]);
  t.match(hosts[0], { chain: { kind: 'whole' } });
  t.match(hosts[0] && troublesOf(hosts[0]), [{ terse: 'bad copies' }]);
});

t.test('a rule that it does not know is one against the record', async (t) => {
  const { hosts } = overviewOf(1, undefined, [
    { rule: 'a-rule-to-come', severity: 'error', host: 'db1' as never, path: null, message: 'm', hint: 'h' },
  ]);
  t.match(hosts[0], { chain: { kind: 'broken' } });
  t.match(hosts[0] && troublesOf(hosts[0]), [{ terse: 'record', text: 'its record is not whole' }]);
});
