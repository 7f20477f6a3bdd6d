import type { AgentQuestion } from '../model/agent-question.ts';
import { CoffreError } from '../model/error.ts';
import type { RunId } from '../model/run-id.ts';
import type { RunReader } from '../storage/run-reader.ts';
import type { CopyPlace } from './find-copy.ts';

type Asked<Kind extends AgentQuestion['ask']> = Extract<AgentQuestion, { ask: Kind }>;

/** A file that is being read on, so that a question for what comes next costs nothing but to pass it on. */
interface Strand {
  readonly file: string;
  readonly chunks: AsyncIterator<Buffer>;
  position: number;
  /** What was read and not asked for yet. */
  rest: Buffer;
}

/** More than a restore has files open at a time. */
const STRANDS = 8;

export interface Relay {
  /** Answers anything but a question for a passphrase. One question at a time. */
  answer(question: Exclude<AgentQuestion, Asked<'passphrase'>>): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Control's half of a place that a host cannot reach: reads it for the host. Only files in the folders of runs can be asked
 * for, and what they hold is sealed. Nothing is read ahead here but what the place itself reads ahead.
 */
export function relayCopy(place: CopyPlace): Relay {
  const readers = new Map<RunId, RunReader | undefined>();
  const strands: Strand[] = [];
  const readerOf = async (run: RunId) => {
    if (!readers.has(run)) readers.set(run, await place.openRun(run));
    return readers.get(run);
  };
  const read = async ({ run, file, start, bytes }: Asked<'read'>): Promise<Buffer> => {
    const reader = await readerOf(run);
    if (!reader) throw new CoffreError('not-found', `cannot find the run ${run} in ${place.name}`);
    const name = `${run}/${file}`;
    let strand = strands.find((one) => one.file === name && one.position === start);
    if (strand) strands.splice(strands.indexOf(strand), 1);
    else {
      const chunks = reader.read(file, start)[Symbol.asyncIterator]();
      strand = { file: name, chunks, position: start, rest: Buffer.alloc(0) };
    }
    // Kept only while it goes well; what was not asked for the longest makes room.
    const answer = await takeFrom(strand, bytes);
    if (answer.length < bytes) return answer;
    strands.push(strand);
    if (strands.length > STRANDS) await strands.shift()?.chunks.return?.();
    return answer;
  };
  return {
    async answer(question) {
      switch (question.ask) {
        case 'runs':
          return json(await place.listRuns());
        case 'files':
          return json((await (await readerOf(question.run))?.list()) ?? null);
        case 'size':
          return json((await (await readerOf(question.run))?.sizeOf(question.file)) ?? null);
        case 'read':
          return await read(question);
      }
    },
    async close() {
      for (const { chunks } of strands.splice(0)) await chunks.return?.().catch(() => undefined); // the place is closed next
    },
  };
}

/** Up to so many bytes, copied: a chunk is its reader's only until the next one is asked for. */
async function takeFrom(strand: Strand, bytes: number): Promise<Buffer> {
  const taken = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    if (strand.rest.length === 0) {
      const next = await strand.chunks.next();
      if (next.done) break;
      strand.rest = next.value;
    }
    const copied = strand.rest.copy(taken, filled);
    strand.rest = strand.rest.subarray(copied);
    filled += copied;
  }
  strand.position += filled;
  return taken.subarray(0, filled);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
