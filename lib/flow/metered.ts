import type { Emit } from '../model/event.ts';
import type { Bytes } from '../model/stages.ts';

export interface Meter {
  readonly emit: Emit;
  readonly phase: string;
  readonly subject: string;
  /** null while nobody can know. */
  readonly totalBytes: number | null;
  readonly signal: AbortSignal;
  /** What was done before; nothing if absent. */
  readonly doneBytes?: number;
}

const EVERY_BYTES = 4 * 1024 * 1024;

/** `source`, telling how far it is and ending with the signal's reason as soon as that fires. */
export function metered<S extends Bytes>(source: S, meter: Meter): S {
  return meterOf(meter)(source);
}

/** As `metered`, for several sources that are told of together. */
export function meterOf({
  emit,
  phase,
  subject,
  totalBytes,
  signal,
  doneBytes: before = 0,
}: Meter): <S extends Bytes>(source: S) => S {
  let doneBytes = before;
  let toldBytes = before;
  let open = 0;
  const tell = (over: boolean) => {
    emit({ kind: 'progress', phase, subject, doneBytes, totalBytes, ...(over ? { over } : {}) });
    toldBytes = doneBytes;
  };
  async function* count(source: Bytes): Bytes {
    open += 1;
    try {
      for await (const chunk of source) {
        signal.throwIfAborted();
        doneBytes += chunk.length;
        if (doneBytes - toldBytes >= EVERY_BYTES) tell(false);
        yield chunk;
      }
    } finally {
      open -= 1;
      // Whoever has heard nothing of it need not hear that it is over.
      if (open === 0 && toldBytes > before) tell(true);
    }
  }
  return <S extends Bytes>(source: S) => count(source) as Bytes as S;
}
