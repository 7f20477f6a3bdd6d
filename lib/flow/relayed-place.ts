import * as z from 'zod';
import { type AgentQuestion, LARGEST_ANSWER_BYTES } from '../model/agent-question.ts';
import { RunId } from '../model/run-id.ts';
import type { Bytes } from '../model/stages.ts';
import type { RunReader } from '../storage/run-reader.ts';
import type { CopyPlace } from './find-copy.ts';

type Ask = (question: AgentQuestion) => Promise<Buffer>;

/** So many are asked for before the first has come, or each would wait for the network: two mebibytes are on their way. */
const AHEAD = 8;

const Names = z.array(z.string());
const Size = z.int().min(0);

/**
 * A place that control reads for this host, piece by piece as they are asked for: ciphertext, which is verified here like any
 * other. `place` is its number in the order. The mirror of `relayCopy`.
 */
export function relayedPlace(name: string, place: number, ask: Ask): CopyPlace {
  const askJson = async <T>(question: AgentQuestion, schema: z.ZodType<T>): Promise<T> =>
    schema.parse(JSON.parse((await ask(question)).toString('utf8')));
  const reader = (run: RunId): RunReader => {
    const sizeOf = (file: string) => askJson({ ask: 'size', place, run, file }, Size.nullable());
    return {
      where: `${name}, ${run}, through control`,
      list: async () => (await askJson({ ask: 'files', place, run }, Names.nullable())) ?? [],
      sizeOf: async (file) => (await sizeOf(file)) ?? undefined,
      async *read(file, start = 0, bytes = Number.POSITIVE_INFINITY) {
        const end = Math.min((await sizeOf(file)) ?? 0, start + bytes);
        yield* readAhead(start, end, (from, most) => ask({ ask: 'read', place, run, file, start: from, bytes: most }));
      },
    };
  };
  return {
    name,
    listRuns: () => askJson({ ask: 'runs', place }, z.array(RunId)),
    openRun: async (run) => ((await askJson({ ask: 'files', place, run }, Names.nullable())) ? reader(run) : undefined),
    close: () => undefined,
  };
}

async function* readAhead(start: number, end: number, read: (from: number, most: number) => Promise<Buffer>): Bytes {
  const ahead: Promise<Buffer>[] = [];
  for (let next = start; next < end || ahead.length > 0; ) {
    for (; next < end && ahead.length < AHEAD; next += LARGEST_ANSWER_BYTES) {
      const asked = read(next, Math.min(LARGEST_ANSWER_BYTES, end - next));
      asked.catch(() => undefined); // awaited below, in order
      ahead.push(asked);
    }
    const chunk = await ahead.shift();
    if (chunk && chunk.length > 0) yield chunk;
  }
}
