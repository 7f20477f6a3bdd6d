import t from 'tap';
import { ReadyQueue } from '../../lib/archive/ready-queue.ts';

async function* counting(name: string, count: number) {
  for (let n = 1; n <= count; n += 1) yield `${name}${n}`;
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

t.test('gives items in the order in which they were ready, each source in its turn', async (t) => {
  const queue = new ReadyQueue<string>();
  for (const name of ['a', 'b', 'c']) queue.ask(counting(name, 2));
  const taken: (string | undefined)[] = [];
  for (let n = 0; n < 9; n += 1) {
    await soon();
    const { source, item } = await queue.take();
    taken.push(item.done ? undefined : item.value);
    if (!item.done) queue.ask(source);
  }
  t.same(taken, ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', undefined, undefined, undefined]);
});

t.test('throws what a source throws when its turn comes', async (t) => {
  const queue = new ReadyQueue<string>();
  queue.ask(counting('a', 1));
  queue.ask(
    (async function* () {
      yield* counting('b', 0);
      throw new Error('gone');
    })(),
  );
  t.equal((await queue.take()).item.value, 'a1');
  await t.rejects(queue.take(), { message: 'gone' });
});
