import t from 'tap';
import { sideBySide } from '../../lib/flow/side-by-side.ts';
import { sleep } from '../../lib/system/clock.ts';

t.test('does as many at a time as it may, and gives what came in order', async (t) => {
  let running = 0;
  let most = 0;
  const doubled = await sideBySide([30, 10, 20, 5], 2, async (ms) => {
    running += 1;
    most = Math.max(most, running);
    await sleep(ms);
    running -= 1;
    return ms * 2;
  });
  t.strictSame(doubled, [60, 20, 40, 10]);
  t.equal(most, 2);
});

t.test('after a failure it begins nothing more, and waits for what is at work', async (t) => {
  const ended: number[] = [];
  const work = sideBySide([1, 2, 3, 4], 2, async (number) => {
    if (number === 1) throw new Error('one');
    await sleep(20);
    ended.push(number);
  });
  await t.rejects(work, { message: 'one' });
  t.strictSame(ended, [2]);
});
