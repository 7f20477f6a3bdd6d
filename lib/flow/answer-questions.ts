import type { Writable } from 'node:stream';
import type { AgentQuestion, AnswerLine } from '../model/agent-question.ts';
import { asCoffreError } from '../model/error.ts';
import { tellFailure } from '../model/told-failure.ts';

export type Answer = (question: AgentQuestion) => Promise<Buffer>;

/**
 * Answers an agent's questions on its standard input, in their order: each as a line and the bytes that it announces. One is
 * answered at a time, however many an agent asks; what is said to one that has gone is lost. The mirror of `attendSession`.
 */
export function answerQuestions(stdin: Writable, answer: Answer | undefined) {
  let last: Promise<void> = Promise.resolve();
  stdin.on('error', () => undefined);
  const write = (content: string | Buffer) =>
    new Promise<void>((settle) => {
      if (stdin.writableEnded || stdin.destroyed) return settle();
      stdin.write(content, () => settle());
    });
  const say = (line: AnswerLine) => write(`${JSON.stringify(line)}\n`);
  return (id: number, question: AgentQuestion): void => {
    last = last.then(async () => {
      if (!answer || stdin.writableEnded || stdin.destroyed) return;
      try {
        const bytes = await answer(question);
        await say({ id, bytes: bytes.length });
        await write(bytes);
      } catch (error) {
        await say({ id, error: tellFailure(asCoffreError(error)) });
      }
    });
  };
}
