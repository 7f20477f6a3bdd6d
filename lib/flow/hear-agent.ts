import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import * as z from 'zod';
import type { Emit } from '../model/event.ts';
import { failureToldBy, ToldFailure } from '../model/told-failure.ts';
import { agentEvent } from './agent-event.ts';

/**
 * Listens to a task that runs with `--json`: passes its events on, and returns the data of its result; undefined when it ended
 * without one. `ended` is called with the result: who tells it may still wait for its standard input to end. Throws the error
 * that the result tells.
 */
export async function hearAgent<Data>(
  stdout: Readable,
  schema: z.ZodType<Data>,
  emit: Emit,
  ended: () => void = () => undefined,
): Promise<Data | undefined> {
  const Answer = z.object({ data: schema.optional(), error: ToldFailure.optional() });
  let answer: z.infer<typeof Answer> | undefined;
  for await (const line of createInterface({ input: stdout })) {
    const event = jsonOf(line);
    if (event?.event === 'result') {
      answer = Answer.safeParse(event).data;
      ended();
    } else {
      const told = agentEvent(event);
      if (told) emit(told);
    }
  }
  if (!answer?.error) return answer?.data;
  throw failureToldBy(answer.error);
}

function jsonOf(line: string): { readonly event?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // a login shell that talks
  }
}
