import t from 'tap';
import type { Condition } from '../../lib/model/host-check.ts';
import { checkReport, formatCheck } from '../../lib/report/check-result.ts';
import { nagiosAnswer, nagiosFailure } from '../../lib/report/nagios.ts';

const condition = (changes: Partial<Condition> = {}): Condition => ({
  ...{ check: 'store', of: null, says: 'the store is mounted', outcome: 'ok', severity: 'critical' },
  ...{ detail: '/mnt', hint: null, code: null, figures: [] },
  ...changes,
});
const bad = condition({ outcome: 'failed', detail: 'cannot | write\nto it', hint: 'mount it', code: 'refused' });
const odd = condition({ of: 'ntfy', outcome: 'failed', severity: 'warning', detail: 'away', says: 'it answers' });

t.test('one line, the worst first, without what would end it; numbers behind the bar', async (t) => {
  const figures = [{ name: 'age', value: 60, unit: 's' as const }];
  const fine = checkReport([{ host: 'db1', conditions: [condition({ figures })] }]);
  t.same(nagiosAnswer(fine), { text: "OK - db1: all of 1 conditions hold | 'failed'=0 'age'=60s", exitCode: 0 });
  t.same(nagiosAnswer(checkReport([{ host: 'db1', conditions: [odd] }])), {
    text: "WARNING - db1: ntfy: it answers (away) | 'failed'=1",
    exitCode: 1,
  });
  const both = [
    { host: 'db1', conditions: [odd, odd] },
    { host: 'db2', conditions: [bad] },
  ];
  t.same(nagiosAnswer(checkReport(both)), {
    text: "CRITICAL - 2 hosts: db2: the store is mounted (cannot / write\\x0ato it); db1: ntfy: it answers (away); 1 more | 'db1_failed'=2 'db2_failed'=1",
    exitCode: 2,
  });
  t.equal(nagiosFailure(3, 'cannot a|b'), 'UNKNOWN - cannot a/b');
});

t.test('for people: a line each, a hint below what failed; the exit code is the highest of the table', async (t) => {
  const report = checkReport([{ host: 'db1', conditions: [condition(), bad, odd, condition({ outcome: 'untried' })] }]);
  t.equal(report.exitCode, 8);
  t.equal(
    formatCheck(report),
    [
      'OK         the store is mounted (/mnt)',
      'FAILED     the store is mounted (cannot | write\\x0ato it)',
      '           hint: mount it',
      'FAILED     ntfy: it answers (away)',
      'NOT TRIED  the store is mounted (/mnt)',
      'db1: 2 of 4 conditions FAILED, 1 not tried',
    ].join('\n'),
  );
  t.equal(checkReport([{ host: 'db1', conditions: [odd] }]).exitCode, 2);
  t.equal(checkReport([{ host: 'db1', conditions: [condition()] }]).exitCode, 0);
});
