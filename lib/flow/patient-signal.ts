/** How long an interrupted host may take to come to the end of what it is at, and to take its upload away. */
const GRACE_MS = 10_000;

/** Fires with `signal` until its patience begins, and from then on `patienceMs` later. `end` MUST be called. */
export function patientSignal(
  signal: AbortSignal,
  patienceMs: number = GRACE_MS,
): { readonly signal: AbortSignal; begin(): void; end(): void } {
  const patient = new AbortController();
  let graceMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const abort = () => patient.abort(signal.reason);
  const wait = () => {
    if (graceMs === 0) abort();
    else timer = setTimeout(abort, graceMs);
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', wait, { once: true });
  return {
    signal: patient.signal,
    begin() {
      graceMs = patienceMs;
    },
    end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', wait);
    },
  };
}
