import t from 'tap';
import { type CopyWish, nearestCopy } from '../../lib/flow/nearest-copy.ts';
import { CoffreError } from '../../lib/model/error.ts';
import type { HostConfig } from '../../lib/model/inventory.ts';
import { RunId } from '../../lib/model/run-id.ts';
import type { RunReader } from '../../lib/storage/run-reader.ts';

const [OLD, NEW] = [RunId.parse('2026-11-21T040000Z'), RunId.parse('2026-11-22T040000Z')];
const folder = t.testdir({ store: { [OLD]: {} }, export: { [OLD]: {}, [NEW]: {} }, third: { [NEW]: {} } });
const host = {
  store: { path: `${folder}/store`, mount: 'none' },
  export: { path: `${folder}/export` },
  offsite: [],
} as unknown as HostConfig;

/** Looks for a copy; those at places that are named in `damaged` prove to be so. */
function choose(wish: Partial<CopyWish> = {}, damaged: Readonly<Record<string, CoffreError>> = {}, of = host) {
  const rejected: string[] = [];
  const full: CopyWish = {
    from: undefined,
    run: undefined,
    signal: new AbortController().signal,
    reject: (place) => rejected.push(place),
    ...wish,
  };
  const prove = async (run: RunId, { where }: RunReader) => {
    for (const [name, error] of Object.entries(damaged)) if (where.startsWith(`${folder}/${name}/`)) throw error;
    return run;
  };
  return nearestCopy(of, full, prove).then(({ place, ...rest }) => ({ ...rest, place: place.name, rejected }));
}
const bad = (code: 'verification-failed' | 'refused' = 'verification-failed') =>
  new CoffreError(code, 'cannot read it: bad', { hint: 'x' });

t.test('takes the nearest place that has the run, and says why not the others', async (t) => {
  t.match(await choose({ run: OLD }), {
    place: 'store',
    proven: OLD,
    considered: [
      { place: 'store', verdict: 'taken' },
      { place: 'export', verdict: 'has it too, and is farther away' },
    ],
  });
  t.match(await choose(), {
    place: 'export',
    proven: NEW,
    considered: [{ verdict: `does not have ${NEW}` }, { verdict: 'taken' }],
    rejected: [],
  });
});

t.test('a copy that does not prove true is told, and the next one taken', async (t) => {
  t.match(await choose({ run: OLD }, { store: bad() }), {
    place: 'export',
    rejected: ['store'],
    considered: [{ verdict: /bad$/ }, {}],
  });
});

t.test('what is wrong with the run or the server, and not with the copy, ends it', async (t) => {
  await t.rejects(choose({ run: OLD }, { store: bad('refused') }), { code: 'refused', message: 'cannot read it: bad' });
});

t.test('where no copy is whole, an older run is not taken for it', async (t) => {
  await t.rejects(choose({}, { export: bad() }), {
    code: 'verification-failed',
    message: `cannot use any copy of the run ${NEW}: cannot read it: bad`,
    findings: [`store: does not have ${NEW}`, 'export: cannot read it: bad'],
  });
});

t.test('a place that cannot be looked at is none, as long as there is another', async (t) => {
  const without = { ...host, store: { path: `${folder}/none`, mount: 'none' } } as HostConfig;
  t.match(await choose({}, {}, without), { place: 'export', rejected: ['store'] });
  const nowhere = { ...without, export: { path: `${folder}/none` } } as HostConfig;
  await t.rejects(choose({}, {}, nowhere), {
    code: 'store-unreachable',
    message: /^cannot use any copy of any run: /,
  });
});

t.test('a run that nobody has is not found, with all places that were looked at', async (t) => {
  const run = RunId.parse('2001-01-01T000000Z');
  await t.rejects(choose({ run }), { code: 'not-found', message: `cannot find the run ${run} in store, export` });
});

t.test('only the place that is named counts', async (t) => {
  t.match(await choose({ from: 'store' }), { place: 'store', proven: OLD });
  await t.rejects(choose({ from: 'store' }, { store: bad() }), { message: 'cannot read it: bad' });
});
