import { CoffreError } from '../model/error.ts';
import { sleep } from '../system/clock.ts';
import type { HttpRequest } from './http-request.ts';

const TIMEOUT_MS = 10_000;
const PAUSES_MS = [1000, 4000];

/** How patient a try is, and how long it is waited between them. */
export interface PostLimits {
  readonly pausesMs?: readonly number[];
  readonly timeoutMs?: number;
}

/**
 * Posts a request: three tries where nobody answers, or where the answer says that a later one may do. Follows no redirection:
 * the address is a secret. Throws `unexpected` without any part of the address or of the answer.
 */
export async function post(
  request: HttpRequest,
  { pausesMs = PAUSES_MS, timeoutMs = TIMEOUT_MS }: PostLimits = {},
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const fault = await tryPost(request, timeoutMs);
    if (fault === undefined) return;
    const pause = fault.isFinal ? undefined : pausesMs[attempt];
    if (pause === undefined) {
      throw new CoffreError('unexpected', `cannot tell it: ${fault.why}`, {
        hint: 'look at the address in the .env file of the host, and at the service',
      });
    }
    await sleep(pause);
  }
}

async function tryPost(
  { url, headers, body }: HttpRequest,
  timeoutMs: number,
): Promise<{ why: string; isFinal: boolean } | undefined> {
  let answer: Response;
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    await answer.body?.cancel();
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    return {
      why: isLate ? `no answer within ${timeoutMs / 1000} s` : `no connection (${causeOf(error)})`,
      isFinal: false,
    };
  }
  if (answer.ok) return undefined;
  return { why: `the answer was ${answer.status}`, isFinal: answer.status < 500 && answer.status !== 429 };
}

/** A code such as ECONNREFUSED, and nothing that could hold the address. */
export function causeOf(error: unknown): string {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return typeof cause?.code === 'string' && /^[A-Z0-9_]+$/.test(cause.code) ? cause.code : 'unknown';
}
