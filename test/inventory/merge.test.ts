import fc from 'fast-check';
import t from 'tap';
import { mergeDefaults } from '../../lib/inventory/merge.ts';
import type { Value, ValueMap } from '../../lib/inventory/yaml-document.ts';

const { tree } = fc.letrec<{ tree: Value; map: ValueMap }>((tie) => ({
  tree: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), fc.array(tie('tree'), { maxLength: 3 }), tie('map')),
  map: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tie('tree'), { maxKeys: 4 }),
}));
const map = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tree, { maxKeys: 4 });
const plain = (value: unknown) => JSON.stringify(value);

t.test('merging nothing changes nothing, and merging twice changes no more', async () => {
  fc.assert(
    fc.property(map, (a) => plain(mergeDefaults(a, {})) === plain(a) && plain(mergeDefaults({}, a)) === plain(a)),
  );
  fc.assert(
    fc.property(map, map, (a, b) => {
      const once = mergeDefaults(a, b);
      return plain(mergeDefaults(once, b)) === plain(once);
    }),
  );
});

t.test('a list of the host replaces that of the defaults', async (t) => {
  t.strictSame(mergeDefaults({ a: [1, 2], b: 1 }, { a: [3] }), { a: [3], b: 1 });
});

t.test('the form that the host chooses takes the other form away', async (t) => {
  const local = { database: { socket: '/s', account: { user: 'u' } } };
  const remote = { database: { address: 'x', port: 1, tls: { ca: '/c' }, account: { user: 'u' } } };
  t.strictSame(mergeDefaults(remote, { database: { socket: '/t' } }), {
    database: { account: { user: 'u' }, socket: '/t' },
  });
  t.strictSame(mergeDefaults(local, { database: { address: 'y' } }), {
    database: { account: { user: 'u' }, address: 'y' },
  });
  t.strictSame(mergeDefaults({ audit: { kind: 'git', remote: 'x' } }, { audit: { kind: 'other' } }), {
    audit: { kind: 'other' },
  });
  t.strictSame(mergeDefaults({ ssh: { port: 23 } }, { ssh: { address: 'x' } }), { ssh: { port: 23, address: 'x' } });
});
