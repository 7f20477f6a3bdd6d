import { asCoffreError, type ErrorCode } from '../model/error.ts';
import type { Condition, Figure } from '../model/host-check.ts';

/** What keeps a condition from holding. */
export interface Fault {
  readonly text: string;
  readonly hint: string | null;
  readonly code?: ErrorCode | undefined;
  /** Instead of what the probe has. */
  readonly severity?: Condition['severity'];
}

/** What was seen: `fault` is absent where all is as it should be. */
export interface Seen {
  readonly detail?: string;
  readonly fault?: Fault | undefined;
  readonly figures?: readonly Figure[];
}

/** A way to see whether a condition holds. What `look` throws is what keeps it from holding. */
export interface Probe {
  readonly check: string;
  readonly of?: string;
  readonly says: string;
  /** `critical` if absent. */
  readonly severity?: Condition['severity'];
  /** Another probe, by its `check`: this one is tried only where that one holds. */
  readonly after?: string;
  /** The code of an answer that does not come in time. */
  readonly late?: ErrorCode;
  look(): Promise<Seen>;
}

/**
 * Tries all conditions at once, each with its own time limit, whatever becomes of the others; they come back in the order of
 * `probes`. Throws only what `signal` has, when it fires.
 */
export async function tryConditions(
  probes: readonly Probe[],
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<readonly Condition[]> {
  const answers = new Map<string, Promise<Condition>>();
  const all = probes.map((probe) => {
    const before = probe.after === undefined ? undefined : answers.get(probe.after);
    const answer = (async () => {
      if (before && (await before).outcome !== 'ok') return untried(probe, 'what it depends on failed');
      return await tryOne(probe, limitMs);
    })();
    answers.set(probe.check, answer);
    return answer;
  });
  const conditions = await unlessInterrupted(Promise.all(all), signal);
  signal.throwIfAborted();
  return conditions;
}

/** A condition that nobody has tried, and why. */
export function untried({ check, of, says, severity = 'critical' }: Omit<Probe, 'look'>, why: string): Condition {
  const nothing = { hint: null, code: null, figures: [] };
  return { check, of: of ?? null, says, severity, outcome: 'untried', detail: why, ...nothing };
}

async function tryOne(probe: Probe, limitMs: number): Promise<Condition> {
  let seen: Seen;
  try {
    seen = await within(limitMs, probe.look());
  } catch (error) {
    if (error instanceof Late) {
      const text = `no answer within ${limitMs / 1000} s`;
      seen = { fault: { text, hint: 'look at the load of the machine, and at the network', code: probe.late } };
    } else {
      const { message, hint = null, code } = asCoffreError(error);
      seen = { fault: { text: message, hint, code } };
    }
  }
  const { check, of, says } = probe;
  const { fault, detail = '', figures = [] } = seen;
  return {
    ...{ check, of: of ?? null, says },
    outcome: fault ? 'failed' : 'ok',
    severity: fault?.severity ?? probe.severity ?? 'critical',
    detail: fault?.text ?? detail,
    hint: fault?.hint ?? null,
    code: fault?.code ?? null,
    figures: [...figures],
  };
}

class Late extends Error {}

async function within<T>(limitMs: number, act: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Late()), limitMs);
  });
  act.catch(() => undefined); // it may fail long after anybody waits for it
  try {
    return await Promise.race([act, tooLate]);
  } finally {
    clearTimeout(late);
  }
}

async function unlessInterrupted<T>(act: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([act, interrupted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
