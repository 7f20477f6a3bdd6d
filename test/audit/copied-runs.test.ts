import t from 'tap';
import { copiedRuns } from '../../lib/audit/copied-runs.ts';
import { historyOf } from '../fixture/told-history.ts';

const now = new Date('2026-11-22T09:00:00Z');
const copiesAt = (copied: ReturnType<typeof copiedRuns>, n: number) =>
  copied[n]?.copies.map(({ place, state, verified, deliveredBy }) =>
    `${place} ${verified ?? state} ${deliveredBy ?? ''}`.trim(),
  );

t.test('a copy that was owed is told as it is by now', async (t) => {
  const mishap = (_: number, ago: number) => (ago === 2 || ago === 0 ? 'owed' : ago === 3 ? 'failed' : undefined);
  const { links } = historyOf({ hosts: 1, nights: 6, now, mishap });
  const copied = copiedRuns(links, 4);
  t.strictSame(
    copied.map(({ run }) => run.slice(0, 10)),
    ['2026-11-22', '2026-11-21', '2026-11-20', '2026-11-18'],
    'the newest first, without the one that failed',
  );
  t.strictSame(copiesAt(copied, 0), ['store read back', 'export read back', 'contractor owed']);
  t.strictSame(copiesAt(copied, 1), ['store read back', 'export read back', 'contractor re-hashed remotely']);
  t.strictSame(copiesAt(copied, 2), [
    'store read back',
    'export read back',
    'contractor re-hashed remotely 2026-11-21T040007Z',
  ]);
});
