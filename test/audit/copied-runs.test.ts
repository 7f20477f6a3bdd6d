import t from 'tap';
import { copiedRuns } from '../../lib/audit/copied-runs.ts';
import { fatesOf } from '../../lib/audit/copy-looks.ts';
import type { PublishedRecord } from '../../lib/audit/published.ts';
import type { OffsiteName } from '../../lib/model/names.ts';
import type { PruneRecord } from '../../lib/model/prune-record.ts';
import type { RunId } from '../../lib/model/run-id.ts';
import type { Verdict, VerifyRecord } from '../../lib/model/verify-record.ts';
import { countCopies, describeLook } from '../../lib/report/copies.ts';
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

t.test('what a later look has found, and what retention has removed, is told of each copy', async (t) => {
  const { links } = historyOf({ hosts: 1, nights: 3, now });
  const [oldest, middle, newest] = links.map(({ run }) => run) as [RunId, RunId, RunId];
  const verified = { ...{ segments: { read: 9, total: 9 }, readBytes: 1, findings: 0, unknown: 0 }, error: null };
  const sampled = { ...verified, segments: { read: 3, total: 9 } };
  const unread = { ...verified, segments: null, error: 'offsite-unreachable' as const };
  const contractor = { kind: 'offsite' as const, offsite: 'contractor' as OffsiteName };
  const store = { kind: 'store' as const, offsite: null };
  const looks = [
    lookAt(1, [
      { ...contractor, error: null, runs: [oldest, middle, newest].map((run) => look(run, 'whole', verified)) },
      { ...store, error: null, runs: [look(middle, 'damaged', sampled)] },
    ]),
    lookAt(2, [
      { ...contractor, error: null, runs: [look(middle, 'whole', sampled), look(newest, 'unread', unread)] },
      { ...store, error: null, runs: [look(newest, 'missing', { ...unread, error: null })] },
    ]),
    pruned(3, [{ ...contractor, removed: [oldest], kept: 2, reasons: [], error: null }]),
    { ...lookAt(4, [{ ...store, error: null, runs: [look(newest, 'whole', verified)] }]), trusted: false },
  ];
  const copied = copiedRuns(links, 3, fatesOf([...looks].reverse()));
  const told = copied.map(({ copies }) =>
    copies.map(({ state, looked }) => `${state}${looked ? `, ${describeLook(looked)}` : ''}`),
  );
  t.strictSame(told, [
    ['complete, missing on 22 Nov 2026', 'complete', 'complete, whole on 21 Nov 2026, every byte'],
    [
      'complete, damaged on 21 Nov 2026, 3 of 9 segments',
      'complete',
      'complete, whole on 22 Nov 2026, 3 of 9 segments',
    ],
    ['complete', 'complete', 'removed, whole on 21 Nov 2026, every byte'],
  ]);
  t.strictSame(
    copied.map(({ copies }) => countCopies(copies)),
    ['2/3', '2/3', '2/3'],
  );
});

type Looked = VerifyRecord['places'][number];

function look(run: RunId, verdict: Verdict, rest: Omit<Looked['runs'][number], 'run' | 'verdict'>) {
  return { run, verdict, ...rest };
}

function lookAt(day: number, places: VerifyRecord['places']): PublishedRecord {
  return recorded(day, { kind: 'verify', runs: 'all', sample: null, places });
}

function pruned(day: number, places: PruneRecord['places']): PublishedRecord {
  return recorded(day, { kind: 'prune', places });
}

function recorded(day: number, facts: object): PublishedRecord {
  const finishedAt = `2026-11-${20 + day}T07:00:00.000Z`;
  const record = { ...facts, finishedAt };
  return { record, finishedAt, sequence: day, trusted: true } as unknown as PublishedRecord;
}
