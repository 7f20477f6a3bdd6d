import t from 'tap';
import { DeferredKeys } from '../../lib/flow/deferred-keys.ts';

t.test('whoever needs a key that was taken away gets it back first', async (t) => {
  const deferred = new DeferredKeys();
  let restored = 0;
  const restore = async () => {
    restored += 1;
  };
  t.ok(deferred.defer('shop', 'customer', ['id', 'part'], restore));
  await deferred.need('shop', 'customer', ['ID']);
  await deferred.need('crm', 'customer', ['code']);
  t.equal(restored, 0, 'the primary key is there, and the other table is another one');
  await Promise.all([deferred.need('shop', 'customer', ['code']), deferred.need('shop', 'customer', ['id', 'code'])]);
  await deferred.restore('shop', 'customer');
  t.equal(restored, 1);
});

t.test('a key that somebody needs is not taken away, and what is gone is forgotten', async (t) => {
  const deferred = new DeferredKeys();
  const restore = () => Promise.reject(new Error('gone'));
  await deferred.need('shop', 'customer', ['code']);
  t.notOk(deferred.defer('shop', 'customer', ['id'], restore));
  t.ok(deferred.defer('shop', 'order', ['id'], restore));
  t.ok(deferred.defer('shop2', 'order', ['id'], restore));
  deferred.forget('shop');
  await deferred.need('shop', 'order', ['code']);
  await t.rejects(deferred.need('shop2', 'order', ['code']), { message: 'gone' });
});
