import type { Writable } from 'node:stream';
import type { AgentQuestion, AnswerLine } from '../model/agent-question.ts';
import { asCoffreError } from '../model/error.ts';
import { tellFailure } from '../model/told-failure.ts';

export type Answer = (question: AgentQuestion) => Promise<Buffer>;

/** Several times as many as an honest agent asks before it has an answer. */
const WAITING = 1000;
const SIGN_OF_LIFE_MS = 15_000;

/**
 * Answers an agent's questions on its standard input, in their order: each as a line and the bytes that it announces. One is
 * answered at a time, however many an agent asks; what is said to one that has gone is lost. In between an empty line says
 * now and then that control is still there. The mirror of `attendSession`.
 */
export function answerQuestions(stdin: Writable, answer: Answer, signOfLifeMs = SIGN_OF_LIFE_MS) {
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  const alive = setInterval(() => stdin.writableEnded || stdin.destroyed || stdin.write('\n'), signOfLifeMs);
  alive.unref();
  stdin
    .on('error', () => undefined)
    .once('finish', () => clearInterval(alive))
    .once('close', () => clearInterval(alive));
  /** At once, so that nothing comes between a line and its bytes; waits until the last of it is on its way. */
  const say = (line: AnswerLine, bytes: Buffer = Buffer.alloc(0)) =>
    new Promise<void>((settle) => {
      if (stdin.writableEnded || stdin.destroyed) return settle();
      stdin.write(`${JSON.stringify(line)}\n`);
      stdin.write(bytes, () => settle());
    });
  return (id: number, question: AgentQuestion): void => {
    if (waiting === WAITING) return;
    waiting += 1;
    last = last.then(async () => {
      waiting -= 1;
      if (stdin.writableEnded || stdin.destroyed) return;
      try {
        const bytes = await answer(question);
        await say({ id, bytes: bytes.length }, bytes);
      } catch (error) {
        await say({ id, error: tellFailure(asCoffreError(error)) });
      }
    });
  };
}
