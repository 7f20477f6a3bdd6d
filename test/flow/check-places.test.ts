import t from 'tap';
import { placeProbes } from '../../lib/flow/check-places.ts';
import { tryConditions } from '../../lib/flow/try-conditions.ts';
import type { CheckOrder } from '../../lib/model/host-check.ts';
import { signerOf } from '../fixture/signer.ts';
import { smallRun } from '../fixture/small-run.ts';

const folder = t.testdir({ store: {}, export: {} });
const signer = await signerOf(t, 'db1');
const each = await smallRun(signer, new Date('2026-11-22T04:00:00Z'));
await each.write(`${folder}/store`, 'store');
const took = each.signed.manifest.archives.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0);

/** What is told of the places where so many bytes are free. */
async function look(free: { store: number; export: number }, factor = 1.2) {
  const slice = {
    host: {
      name: 'db1',
      store: { path: `${folder}/store`, mount: 'none', reserve: { runs: 7, factor } },
      export: { path: `${folder}/export` },
    },
    allowedSigners: signer.line,
  } as unknown as CheckOrder['slice'];
  const freeAt = async (path: string) => (path.endsWith('/export') ? free.export : free.store);
  return await tryConditions(placeProbes(slice, freeAt), { limitMs: 10_000, signal: new AbortController().signal });
}

t.test(
  'room is judged by the history of sizes: none for this run, none for the next, none in the export',
  async (t) => {
    const [store, space, exported] = await look({ store: 1e12, export: 1e12 });
    t.match([store, space, exported], [{ outcome: 'ok' }, { outcome: 'ok' }, { outcome: 'ok' }]);
    t.match(space?.figures, [{ name: 'store_free', value: 1e12, unit: 'B' }]);
    t.match((await look({ store: took, export: 1 }))[1], {
      outcome: 'failed',
      severity: 'critical',
      code: 'no-space',
      figures: [{ value: took }],
      hint: /^free space: df -h /,
    });
    const [, soon, little] = await look({ store: took * 2, export: 1 });
    t.match(soon, { outcome: 'failed', severity: 'warning', detail: /room for this run, not for another$/ });
    t.match(little, { outcome: 'failed', severity: 'warning', detail: /may have to do without it$/ });
    t.match((await look({ store: 1, export: 1 }, 0))[1], { outcome: 'ok' }, 'factor 0: nobody looks');
  },
);

t.test('what hangs is told in time, what depends on it is not tried, and the order stays', async (t) => {
  const probes = [
    { check: 'a', says: 'a', late: 'store-unreachable' as const, look: () => new Promise<never>(() => undefined) },
    { check: 'b', says: 'b', after: 'a', look: async () => ({}) },
    { check: 'c', says: 'c', look: async () => ({ detail: 'well' }) },
  ];
  const tried = await tryConditions(probes, { limitMs: 50, signal: new AbortController().signal });
  t.match(tried, [
    { check: 'a', outcome: 'failed', detail: 'no answer within 0.05 s', code: 'store-unreachable' },
    { check: 'b', outcome: 'untried', detail: 'what it depends on failed' },
    { check: 'c', outcome: 'ok', detail: 'well', code: null },
  ]);
  const stopper = new AbortController();
  const stopped = tryConditions(probes, { limitMs: 60_000, signal: stopper.signal });
  stopper.abort(new Error('enough'));
  await t.rejects(stopped, /enough/);
});
