import t from 'tap';
import { missingCopies } from '../../lib/flow/missing-copies.ts';
import type { Copy, Manifest } from '../../lib/model/manifest.ts';
import type { OffsiteName } from '../../lib/model/names.ts';
import type { RunId } from '../../lib/model/run-id.ts';

const [MONDAY, TUESDAY, FRIDAY] = ['2026-11-23', '2026-11-24', '2026-11-27'].map(
  (day) => `${day}T040000Z` as RunId,
) as [RunId, RunId, RunId];
const contractor = 'contractor' as OffsiteName;
const complete = { state: 'complete', verified: 'read back' } as const;
const store: Copy = { kind: 'store', offsite: null, ...complete };
const offsite: Copy = { kind: 'offsite', offsite: contractor, ...complete };
const owed: Copy = { ...offsite, state: 'owed', verified: null };
const said = (run: RunId, copies: Copy[], deliveries: Manifest['deliveries'] = []) =>
  ({ run, copies, deliveries }) as unknown as Manifest;
const at = (place: string, ...runs: RunId[]) => ({ place, runs });

t.test('a copy that a manifest calls complete is missing where it is not', async (t) => {
  const manifests = [said(MONDAY, [store, offsite]), said(TUESDAY, [store, offsite])];
  t.strictSame(missingCopies(manifests, [at('store', MONDAY, TUESDAY), at('offsite:contractor', TUESDAY)], undefined), [
    { place: 'offsite:contractor', run: MONDAY },
  ]);
  t.strictSame(
    missingCopies(manifests, [at('store', MONDAY, TUESDAY)], undefined),
    [],
    'of other places nothing is known',
  );
  t.strictSame(
    missingCopies(manifests, [at('/mnt/usb')], undefined),
    [],
    'of a folder nobody says what it should have',
  );
});

t.test('a copy that is owed is not missing, and one that was delivered later is', async (t) => {
  const places = [at('store', MONDAY, TUESDAY), at('offsite:contractor', TUESDAY)];
  const first = said(MONDAY, [store, owed]);
  t.strictSame(missingCopies([first, said(TUESDAY, [store, offsite])], places, undefined), []);
  const delivered = said(TUESDAY, [store, offsite], [{ run: MONDAY, offsite: contractor, verified: 'read back' }]);
  t.strictSame(missingCopies([first, delivered], places, undefined), [{ place: 'offsite:contractor', run: MONDAY }]);
});

t.test('under a retention an old run may be gone, and the newest may not', async (t) => {
  const manifests = [MONDAY, TUESDAY, FRIDAY].map((run) => said(run, [store, offsite]));
  const all = at('store', MONDAY, TUESDAY, FRIDAY);
  const kept = { offsite: { daily: 1 } };
  t.strictSame(missingCopies(manifests, [all, at('offsite:contractor', FRIDAY)], kept), []);
  t.strictSame(missingCopies(manifests, [all, at('offsite:contractor', MONDAY, TUESDAY)], kept), [
    { place: 'offsite:contractor', run: FRIDAY },
  ]);
  t.equal(missingCopies(manifests, [all, at('offsite:contractor')], kept).length, 3, 'nothing at all is left');
  t.equal(
    missingCopies(manifests, [at('store', FRIDAY)], kept).length,
    2,
    'it is the retention of that place that counts',
  );
});
