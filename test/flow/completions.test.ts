import t from 'tap';
import { Completions } from '../../lib/flow/completions.ts';

t.test('hands on values in the order in which they were finished', async (t) => {
  const completions = new Completions<number>();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const value of completions) seen.push(value);
  })();
  completions.push(1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  completions.push(2);
  completions.push(3);
  completions.end();
  await reading;
  t.same(seen, [1, 2, 3]);
});

t.test('gives the consumer the error of a producer', async (t) => {
  const completions = new Completions<number>();
  completions.push(1);
  completions.fail(new Error('broken'));
  await t.rejects(
    async () => {
      for await (const _ of completions) t.fail('nothing is handed on after a failure');
    },
    { message: 'broken' },
  );
});
