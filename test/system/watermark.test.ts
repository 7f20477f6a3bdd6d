import t from 'tap';
import { Watermark } from '../../lib/system/watermark.ts';

const { signal } = new AbortController();

t.test('waits until there is enough, or all there will be', async (t) => {
  const mark = new Watermark();
  const reached: number[] = [];
  const some = mark.reach(10, signal).then((bytes) => reached.push(bytes));
  const all = mark.reach(Number.POSITIVE_INFINITY, signal).then((bytes) => reached.push(bytes));
  mark.rise(9);
  await Promise.resolve();
  t.same(reached, []);
  mark.rise(12);
  await some;
  t.same(reached, [12]);
  mark.rise(15);
  mark.end();
  await all;
  t.same(reached, [12, 15]);
  t.equal(await mark.reach(16, signal), 15);
});

t.test('tells whoever waits, and whoever comes later, why the writer has failed', async (t) => {
  const mark = new Watermark();
  mark.rise(5);
  const waiting = mark.reach(6, signal);
  mark.fail(new Error('the disk broke'));
  await t.rejects(waiting, { message: 'the disk broke' });
  await t.rejects(mark.reach(1, signal), { message: 'the disk broke' }, 'also where there was enough');
});

t.test('waits no longer than the signal lets it, and leaves nothing behind on it', async (t) => {
  const mark = new Watermark();
  const stop = new AbortController();
  const waiting = mark.reach(1, stop.signal);
  stop.abort(new Error('stopped'));
  await t.rejects(waiting, { message: 'stopped' });
  await t.rejects(mark.reach(0, stop.signal), { message: 'stopped' });
});
