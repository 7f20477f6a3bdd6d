import { asStage, type DumpStream } from '../model/stages.ts';
import type { DumpProcess } from './dump-process.ts';

/** A small dump, read to its end and held in memory until it is wanted: so no program waits for its reader meanwhile. */
export async function holdDump(process: DumpProcess): Promise<DumpStream> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.output()) chunks.push(Buffer.from(chunk));
  return asStage<DumpStream>(
    (async function* () {
      for (let chunk = chunks.shift(); chunk; chunk = chunks.shift()) yield chunk;
    })(),
  );
}
