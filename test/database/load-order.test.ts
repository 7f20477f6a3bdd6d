import fc from 'fast-check';
import t from 'tap';
import { neededBefore, orderForLoading } from '../../lib/database/load-order.ts';
import { DatabaseName } from '../../lib/model/names.ts';

const name = (text: string) => DatabaseName.parse(text);
const names = ['a', 'b', 'c', 'd'].map(name);
const refers = (from: string, to: string) => ({ from: name(from), to: name(to) });

t.test('keeps the given order where nothing depends on another', async (t) => {
  t.same(orderForLoading(names, []), names);
});

t.test('puts what a view refers to before the view', async (t) => {
  t.same(orderForLoading(names, [refers('a', 'c'), refers('c', 'd')]), ['d', 'c', 'a', 'b']);
});

t.test(
  'leaves out nothing where databases refer to each other, to themselves, or to one that is not dumped',
  async (t) => {
    t.same(
      [...orderForLoading(names, [refers('a', 'b'), refers('b', 'a'), refers('c', 'c'), refers('d', 'mysql')])].sort(),
      names,
    );
  },
);

t.test('orders any references without a circle', async () => {
  const pair = fc.tuple(fc.nat(3), fc.nat(3)).filter(([from, to]) => from > to);
  fc.assert(
    fc.property(fc.shuffledSubarray(names, { minLength: 4 }), fc.array(pair), (given, pairs) => {
      const references = pairs.map(([from, to]) => ({ from: names[from] ?? name('a'), to: names[to] ?? name('a') }));
      const order = orderForLoading(given, references);
      return order.length === 4 && references.every(({ from, to }) => order.indexOf(to) < order.indexOf(from));
    }),
  );
});

t.test('needed before a database is what its views refer to, as far as the order has it first', async (t) => {
  const references = [refers('a', 'c'), refers('b', 'd'), refers('d', 'b'), refers('c', 'c'), refers('c', 'mysql')];
  const order = orderForLoading(names, references);
  t.same(order, ['c', 'a', 'd', 'b']);
  t.same(
    [...neededBefore(order, references)],
    [
      ['c', []],
      ['a', ['c']],
      ['d', []],
      ['b', ['d']],
    ],
  );
});
