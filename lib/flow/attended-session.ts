import type { Readable } from 'node:stream';
import { type AgentQuestion, AnswerLine } from '../model/agent-question.ts';
import { CoffreError } from '../model/error.ts';
import { failureToldBy } from '../model/told-failure.ts';

/** What control sends to an agent that may ask back, and whether it is still there. */
export interface AttendedSession {
  /** The first line. */
  readonly order: string;
  /** Fires when the input ends: control has been interrupted, or the connection is gone. */
  readonly gone: AbortSignal;
  /** Throws the error that control answers, and `interrupted` when it has gone. */
  ask(question: AgentQuestion): Promise<Buffer>;
}

interface Waiting {
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: unknown) => void;
}

/** Control says every quarter of a minute that it is there. Looked at so many times, as long as nothing comes. */
const SILENCE_MS = 90_000;
const LOOKS = 18;

/** More than the slice of an inventory, and less than what would hurt. */
const LINE_LIMIT_BYTES = 16 * 1024 * 1024;

/**
 * Begins to listen. `tell` passes a question on to control. The input is always read, so that its end is noticed at once:
 * nothing comes that was not asked for, and whoever asks MUST keep few questions open at a time. Where a network swallows
 * everything, not even the end comes: then silence is it.
 */
export function attendSession(
  input: Readable,
  tell: (id: number, question: AgentQuestion) => void,
  silenceMs = SILENCE_MS,
): Promise<AttendedSession> {
  const control = new AbortController();
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  return new Promise((resolve, reject) => {
    let silent = 0;
    // Looks are counted, not time: a process that was held up has heard nothing, and still finds what has come meanwhile.
    const looks = setInterval(() => {
      silent += 1;
      if (silent > LOOKS) end();
    }, silenceMs / LOOKS).unref();
    const leave = (why: CoffreError) => {
      clearInterval(looks);
      control.abort(why);
      for (const { reject } of waiting.values()) reject(why);
      waiting.clear();
      reject(why);
    };
    const ask = (question: AgentQuestion) =>
      new Promise<Buffer>((resolve, reject) => {
        if (control.signal.aborted) return reject(control.signal.reason);
        asked += 1;
        waiting.set(asked, { resolve, reject });
        tell(asked, question);
      });
    const take = (id: number) => {
      const one = waiting.get(id);
      waiting.delete(id);
      return one;
    };
    const answers = splitAnswers(
      (order) => resolve({ order, gone: control.signal, ask }),
      (id, answer) => take(id)?.resolve(answer),
      (id, error) => take(id)?.reject(error),
    );
    input.on('data', (chunk: Buffer) => {
      silent = 0;
      try {
        answers(chunk);
      } catch {
        input.destroy();
        leave(new CoffreError('usage', 'cannot read what comes on standard input: it is no answer', { hint: HINT }));
      }
    });
    const end = () => leave(new CoffreError('interrupted', 'control has gone', { hint: 'look at what is there' }));
    input.once('end', end).once('error', end).once('close', end);
  });
}

const HINT = 'this is for control; leave out --attended';

/** Cuts the input into its first line and the answers that follow: a line each, and the bytes that it announces. */
function splitAnswers(
  onOrder: (order: string) => void,
  onAnswer: (id: number, bytes: Buffer) => void,
  onError: (id: number, error: CoffreError) => void,
): (chunk: Buffer) => void {
  let line: Buffer[] = [];
  let lineBytes = 0;
  let ordered = false;
  let answer: { readonly id: number; readonly bytes: Buffer; filled: number } | undefined;
  const finish = () => {
    if (!answer || answer.filled < answer.bytes.length) return;
    const { id, bytes } = answer;
    answer = undefined;
    onAnswer(id, bytes);
  };
  const onLine = (text: string) => {
    if (!ordered) {
      ordered = true;
      return onOrder(text);
    }
    if (text === '') return; // a sign of life
    const told = AnswerLine.parse(JSON.parse(text));
    if ('error' in told) return onError(told.id, failureToldBy(told.error));
    answer = { id: told.id, bytes: Buffer.allocUnsafeSlow(told.bytes), filled: 0 };
    finish();
  };
  return (chunk) => {
    for (let offset = 0; offset < chunk.length; ) {
      if (answer) {
        const copied = chunk.copy(answer.bytes, answer.filled, offset);
        answer.filled += copied;
        offset += copied;
        finish();
        continue;
      }
      const end = chunk.indexOf(0x0a, offset);
      const part = chunk.subarray(offset, end < 0 ? undefined : end);
      lineBytes += part.length;
      if (lineBytes > LINE_LIMIT_BYTES) throw new Error('a line without an end');
      line.push(Buffer.from(part));
      offset += part.length + (end < 0 ? 0 : 1);
      if (end < 0) continue;
      const text = Buffer.concat(line).toString('utf8');
      line = [];
      lineBytes = 0;
      onLine(text);
    }
  };
}
