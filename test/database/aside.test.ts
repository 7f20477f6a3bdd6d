import fc from 'fast-check';
import t from 'tap';
import { asideName, looksAside } from '../../lib/database/aside.ts';
import { DatabaseName } from '../../lib/model/names.ts';

const AT = new Date('2026-11-22T04:05:06.789Z');

t.test('the name says whose place it had, and when it was moved', async (t) => {
  t.equal(asideName(DatabaseName.parse('shop'), AT), 'shop__coffre_old_20261122t040506z');
});

t.test('any name of a database gives one that a server takes, and that no other one gives', async (t) => {
  const name = fc
    .string({ minLength: 1, maxLength: 64, unit: 'grapheme-ascii' })
    .map((text) => DatabaseName.parse(text));
  fc.assert(
    fc.property(name, name, (one, other) => {
      const aside = asideName(one, AT);
      return [...aside].length <= 64 && looksAside(aside) && (one === other) === (aside === asideName(other, AT));
    }),
  );
  const long = asideName(DatabaseName.parse('ж'.repeat(64)), AT);
  t.equal([...long].length, 64);
  t.ok(looksAside(long));
});

t.test('no other name looks like one', async (t) => {
  for (const each of ['shop', 'shop__coffre_old_', 'shop__coffre_old_20261122t040506z2', '__coffre_old_2026'])
    t.notOk(looksAside(each), each);
  t.ok(looksAside('SHOP__COFFRE_OLD_20261122T040506Z'), 'in whichever case the server writes it');
});
