import t from 'tap';
import { drawFaults } from './draw.ts';
import { describeMoment, type FaultKind } from './fault.ts';
import { KINDS } from './kinds/kinds.ts';

const wish = { seed: 7, count: 600, kinds: KINDS };
const tell = (faults: ReturnType<typeof drawFaults>) =>
  faults.map(({ index, kind, moments, random }) => [index, kind.name, moments.map(describeMoment), random.below(1e6)]);

t.test('a seed always means the same faults, and fewer of them are the first ones', async (t) => {
  t.strictSame(tell(drawFaults(wish)), tell(drawFaults(wish)));
  t.strictSame(tell(drawFaults({ ...wish, count: 41 })), tell(drawFaults(wish)).slice(0, 41));
  t.notSame(tell(drawFaults({ ...wish, seed: 8 })), tell(drawFaults(wish)));
});

t.test('every kind has its turn before any comes again, as often as its weight says', async (t) => {
  const count = (faults: ReturnType<typeof drawFaults>, kind: FaultKind) =>
    faults.filter((fault) => fault.kind === kind).length;
  const first = drawFaults({ ...wish, count: KINDS.length + 10 });
  const faults = drawFaults(wish);
  for (const kind of KINDS) {
    const { weight = 1 } = kind;
    if (weight >= 1) t.ok(count(first, kind) >= 1, `${kind.name} comes in the first round`);
    t.ok(count(faults, kind) >= 10 * weight - 1, `${kind.name} comes ${count(faults, kind)} times`);
  }
});

t.test('a kind comes to every boundary of its phases, and inside of each', async (t) => {
  const [kind] = KINDS.filter(({ name }) => name === 'power-cut');
  const faults = drawFaults({ seed: 1, count: 40, kinds: kind ? [kind] : [] });
  const seen = new Set(faults.map(({ moments: [first] }) => (first ? describeMoment(first).replace(/\d+/, 'N') : '')));
  const phases = ['preflight', 'dump', 'ship', 'publish'];
  const wanted = [
    ...phases.flatMap((phase) => [`${phase} begins`, `${phase} ends`, `${phase} +N%`]),
    'start +N%',
    'end +N%',
  ];
  t.strictSame([...seen].sort(), wanted.sort());
});

t.test('draws nothing where nothing fits', async (t) => {
  const dump = KINDS.filter(({ name }) => name === 'kill-dump');
  t.strictSame(drawFaults({ seed: 1, count: 3, kinds: dump, phase: 'publish' }), []);
  t.strictSame(drawFaults({ seed: 1, count: 3, kinds: [] }), []);
  for (const { moments } of drawFaults({ seed: 1, count: 9, kinds: KINDS, phase: 'ship' }))
    for (const { phase } of moments) t.equal(phase, 'ship');
});
