import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { answerQuestions } from '../../lib/flow/answer-questions.ts';
import { attendSession } from '../../lib/flow/attended-session.ts';
import type { AgentQuestion } from '../../lib/model/agent-question.ts';
import { CoffreError } from '../../lib/model/error.ts';
import { RunId } from '../../lib/model/run-id.ts';

const RUN = RunId.parse('2026-11-22T040000Z');
const read = (start: number, bytes: number): AgentQuestion => ({
  ask: 'read',
  place: 0,
  run: RUN,
  file: 'a.enc',
  start,
  bytes,
});

/** An agent and its control, with what is between them cut into pieces of `size` bytes. */
async function linked(size: number, answer: (question: AgentQuestion) => Promise<Buffer>) {
  const [stdin, line] = [new PassThrough(), new PassThrough()];
  line.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += size) stdin.write(Buffer.from(chunk.subarray(at, at + size)));
  });
  line.once('end', () => stdin.end());
  const answers = answerQuestions(line, answer);
  line.write('the order\n');
  return { line, session: await attendSession(stdin, answers) };
}

t.test('the order is the first line, and every answer comes to who asked for it, however it is cut', async () => {
  const content = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 251));
  const part = fc.record({ start: fc.nat(4000), bytes: fc.integer({ min: 1, max: 900 }) });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 700 }), fc.array(part, { maxLength: 12 }), async (size, parts) => {
      const { session } = await linked(size, async (question) =>
        question.ask === 'read' ? content.subarray(question.start, question.start + question.bytes) : Buffer.alloc(0),
      );
      const answers = await Promise.all(parts.map(({ start, bytes }) => session.ask(read(start, bytes))));
      const same = parts.every(({ start, bytes }, at) => answers[at]?.equals(content.subarray(start, start + bytes)));
      return same && session.order === 'the order' && !session.gone.aborted;
    }),
    { numRuns: 60 },
  );
});

t.test('an error of control is thrown to who asked, and the next answer comes all the same', async (t) => {
  const { session } = await linked(7, async (question) => {
    if (question.ask === 'runs') throw new CoffreError('refused', 'cannot do that: no', { hint: 'ask another' });
    return Buffer.from(question.ask);
  });
  const [failed, empty] = await Promise.allSettled([session.ask({ ask: 'runs', place: 0 }), session.ask(read(0, 1))]);
  t.match(failed, { reason: { code: 'refused', message: 'cannot do that: no', hint: 'ask another' } });
  t.match(empty, { value: Buffer.from('read') });
});

t.test('when the input ends, it fires, and nobody waits for an answer any more', async (t) => {
  const { line, session } = await linked(100, () => new Promise(() => undefined));
  const asked = session.ask({ ask: 'runs', place: 0 });
  line.end();
  await t.rejects(asked, { code: 'interrupted' });
  t.equal(session.gone.aborted, true);
  await t.rejects(session.ask({ ask: 'runs', place: 0 }), { code: 'interrupted' });
});

t.test('where a network swallows everything, silence is the end, and a sign of life is not', async (t) => {
  const silent = new PassThrough();
  silent.write('order\n');
  const session = await attendSession(silent, () => undefined, 90);
  const awake = setTimeout(() => undefined, 30_000); // as the pipe keeps a real agent
  await t.rejects(session.ask({ ask: 'runs', place: 0 }), { code: 'interrupted' });
  clearTimeout(awake);
  t.equal(session.gone.aborted, true);

  const [line, input] = [new PassThrough(), new PassThrough()];
  line.pipe(input);
  line.write('order\n');
  let release = (_: Buffer): void => undefined;
  const answers = answerQuestions(line, () => new Promise((resolve) => (release = resolve)), 20);
  const attended = await attendSession(input, answers, 900);
  const asked = attended.ask({ ask: 'runs', place: 0 });
  await new Promise((wake) => setTimeout(wake, 1500));
  t.equal(attended.gone.aborted, false);
  release(Buffer.from('late'));
  t.equal(`${await asked}`, 'late');
  line.end();
  await t.rejects(attended.ask({ ask: 'runs', place: 0 }), { code: 'interrupted' });
});

t.test('what is no answer ends it; an input that ends before its first line is none', async (t) => {
  for (const line of ['nonsense', '{"id":1,"bytes":-1}', '{"id":1,"bytes":1e12}', '{"id":1,"error":{"code":"x"}}']) {
    const stdin = new PassThrough();
    stdin.write('order\n');
    const session = await attendSession(stdin, () => undefined);
    const asked = session.ask({ ask: 'runs', place: 0 });
    stdin.write(`${line}\n`);
    await t.rejects(asked, { code: 'usage', hint: /--attended/ }, line);
    t.equal(session.gone.aborted, true);
  }
  const stdin = new PassThrough();
  stdin.end('half an order');
  await t.rejects(
    attendSession(stdin, () => undefined),
    { code: 'interrupted' },
  );
});
