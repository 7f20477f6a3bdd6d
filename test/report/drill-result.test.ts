import t from 'tap';
import { CoffreError, type ErrorCode } from '../../lib/model/error.ts';
import { drillExitCode, formatDrill } from '../../lib/report/drill-result.ts';
import { drillOf } from '../fixture/drill-record.ts';

type Outcome = Parameters<typeof formatDrill>[0][number];

const AT = new Date('2026-11-20T09:00:01Z');
const record = drillOf('drill1', 'db1', AT, new Date('2026-11-20T04:00:07Z'));
const good: Outcome = { record, error: null, lost: null, publication: { kind: 'published' } };
const failed = (code: ErrorCode): Outcome => ({
  record: { ...record, host: 'db2', run: null, proof: null },
  error: new CoffreError(code, 'cannot go on: x\n\x1b[2J', { hint: 'do this', findings: ['a finding'] }),
  publication: { kind: 'published' },
  lost: null,
});

t.test('a line for each host, with the time that a recovery takes, and what a failure needs of a person', async (t) => {
  const text = formatDrill([good, failed('offsite-unreachable')]);
  t.match(text, /^db1 +2026-11-20T040007Z +offsite:contractor +the same +2\/9 +20 KiB +1 min 25 s +published$/m);
  t.match(text, /^db2 +- +offsite:contractor +FAILED \(offsite-unreachable\)/m);
  t.match(text, /^db2: error: cannot go on: x\\x0a\\x1b\[2J$/m);
  t.match(text, /^db2: {3}a finding\ndb2: hint: do this$/m);
});

t.test('what could not be compared is not called failed', async (t) => {
  t.match(formatDrill([failed('not-compared')]), /^db2 +- +offsite:contractor +NOT COMPARED +-/m);
});

t.test('that a copy is wrong counts more than anything else; what is only owed is 3', async (t) => {
  const owed: Outcome = { ...good, publication: { kind: 'owed' } };
  for (const [outcomes, code] of [
    [[], 0],
    [[good], 0],
    [[good, owed], 3],
    [[owed, failed('offsite-unreachable')], 7],
    [[failed('refused'), failed('drill-failed'), owed], 5],
    [[failed('refused'), failed('verification-failed')], 5],
    [[failed('interrupted')], 130],
    [[good, failed('not-compared')], 3],
    [[{ ...good, lost: failed('drill-failed').error }], 5],
  ] as const)
    t.equal(drillExitCode(outcomes), code);
});
