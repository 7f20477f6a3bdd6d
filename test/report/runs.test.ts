import t from 'tap';
import type { OffsiteName } from '../../lib/model/names.ts';
import { formatRuns } from '../../lib/report/runs.ts';
import { manifestOf } from '../fixture/manifest.ts';

const contractor = 'contractor' as OffsiteName;
const now = new Date('2026-11-22T11:00:00Z');

t.test('lists runs in columns, numbers to the right, a copy as it is by now', async (t) => {
  const old = manifestOf('db1', new Date('2026-11-21T04:00:07Z'), {
    copies: [
      { kind: 'store', offsite: null, state: 'complete', verified: 'read back' },
      { kind: 'offsite', offsite: contractor, state: 'owed', verified: null },
    ],
  });
  const later = manifestOf('db1', new Date('2026-11-22T04:00:07Z'), {
    deliveries: [{ run: old.run, offsite: contractor, verified: 'size only' }],
    copies: [{ kind: 'offsite', offsite: contractor, state: 'owed', verified: null }],
  });
  const signed = [later, old].map((manifest) => ({ run: manifest.run, trust: 'signed' as const, manifest }));
  t.equal(
    formatRuns([...signed, { run: '2026-11-20T040007Z', trust: 'untrusted', why: 'no signer' }], now),
    [
      'run                  age  outcome                 databases      SQL   sealed       took  copies',
      '2026-11-22T040007Z   7 h  succeeded                       1  4.0 KiB  1.0 KiB  1 min 0 s  contractor: owed',
      '2026-11-21T040007Z  31 h  succeeded                       1  4.0 KiB  1.0 KiB  1 min 0 s  store: read back, contractor: size only, delivered later',
      '2026-11-20T040007Z        NOT TRUSTED: no signer',
    ].join('\n'),
  );
  t.equal(formatRuns([], now), 'no runs');
});
