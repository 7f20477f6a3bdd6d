import { randomUUID } from 'node:crypto';
import { retry } from '@octokit/plugin-retry';
import { throttling } from '@octokit/plugin-throttling';
import { Octokit } from '@octokit/rest';
import { CoffreError } from '../model/error.ts';
import { COFFRE_VERSION } from '../model/version.ts';
import { sleep } from './clock.ts';
import { type GitHubNames, githubFailure, PULL_REQUEST_NAMES, plainRetryAfter } from './github-failure.ts';
import { learnSecret } from './known-secrets.ts';

export interface GitHubOptions {
  /** Stands in the header of each request, and nowhere else: no message, log or error ever holds it. */
  readonly token: string;
  /** `https://api.github.com`, or that of a GitHub Enterprise Server, as GITHUB_API_URL has it. */
  readonly apiUrl: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly signal?: AbortSignal;
  /** For one answer, its body included; a request that may be sent again is sent four times. */
  readonly timeoutMs?: number;
  /** How long a second lasts while waiting to ask again, and between requests that write. */
  readonly secondMs?: number;
  /** What hints speak of; those of pull requests if absent. */
  readonly names?: GitHubNames;
}

/** One repository at GitHub. Every request of this project goes through `ask`. */
export interface GitHub {
  /**
   * Calls GitHub and returns what `call` returns. `what` is the verb and subject of the error: "list the comments".
   * 5xx and broken connections are tried again after 1, 4 and 9 seconds, and rate limits after the time that GitHub
   * names. A `call` that MUST NOT be sent twice passes `request: { retries: 0 }`.
   *
   * Throws `not-found`, `github-unreachable` (also where the token is not accepted), `interrupted`, and `unexpected`.
   */
  ask<T>(what: string, call: (octokit: Octokit, repository: RepositoryAddress) => Promise<T>): Promise<T>;
}

export interface RepositoryAddress {
  readonly owner: string;
  readonly repo: string;
}

const TIMEOUT_MS = 15_000;
/** Whoever asks to wait longer is told to come back. */
const LONGEST_WAIT_SECONDS = 120;
const MOST_WAITS = 2;

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const RepositoryClient = Octokit.plugin(retry, throttling);

/** Throws `usage` for an address that is none, and `refused` for one that would carry the token unencrypted. */
export function openGitHub(options: GitHubOptions): GitHub {
  const { token, signal, timeoutMs = TIMEOUT_MS, secondMs = 1000, names = PULL_REQUEST_NAMES } = options;
  learnSecret(token);
  const apiUrl = parseApiUrl(options.apiUrl);
  const address = parseRepository(options.repository);
  const mayWait = (seconds: number, _request: object, _octokit: object, waits: number) =>
    seconds <= LONGEST_WAIT_SECONDS && waits < MOST_WAITS;
  const octokit = new RepositoryClient({
    auth: token,
    baseUrl: apiUrl,
    userAgent: `coffre/${COFFRE_VERSION}`,
    log: silent,
    request: { log: silent, fetch: fetchWithin(apiUrl, timeoutMs, signal) },
    // What a later try of the same cannot change; 429 is a rate limit, and those are the throttling plugin's.
    retry: { doNotRetry: [400, 401, 403, 404, 409, 410, 413, 422, 429, 451], retryAfterBaseValue: secondMs },
    throttle: {
      id: randomUUID(),
      retryAfterBaseValue: secondMs,
      onRateLimit: mayWait,
      onSecondaryRateLimit: mayWait,
      ...(options.secondMs === undefined ? {} : ({ write: everySo(options.secondMs) } as object)),
    },
  });
  return {
    async ask(what, call) {
      try {
        for (let waits = 0; ; waits += 1) {
          try {
            return await orAborted(signal, call(octokit, address));
          } catch (error) {
            const seconds = plainRetryAfter(error);
            if (seconds === undefined || seconds > LONGEST_WAIT_SECONDS || waits >= MOST_WAITS) throw error;
            await sleep(seconds * secondMs, signal);
          }
        }
      } catch (error) {
        if (signal?.aborted) throw new CoffreError('interrupted', `cannot ${what}: interrupted`);
        throw githubFailure(what, error, { timeoutMs, names });
      }
    },
  };
}

function parseApiUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['https:', 'http:'].includes(url.protocol) || url.username !== '' || url.search !== '') {
    throw new CoffreError('usage', 'cannot reach GitHub: the address of its API is none', {
      hint: 'set GITHUB_API_URL, such as https://api.github.com',
    });
  }
  if (url.protocol === 'http:' && !['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)) {
    throw new CoffreError('refused', 'cannot reach GitHub: the token would travel unencrypted', {
      hint: 'set GITHUB_API_URL to an address that begins with https://',
    });
  }
  return url.href.replace(/\/$/, '');
}

function parseRepository(text: string): RepositoryAddress {
  const [, owner, repo] = /^([A-Za-z0-9](?:[A-Za-z0-9-]*))\/([A-Za-z0-9._-]+)$/.exec(text) ?? [];
  if (owner !== undefined && repo !== undefined && !/^\.{1,2}$/.test(repo)) return { owner, repo };
  throw new CoffreError('usage', `cannot find the repository ${JSON.stringify(text)}: it is not owner/name`, {
    hint: 'set GITHUB_REPOSITORY, such as acme/backups',
  });
}

/**
 * A `fetch` with a time limit for each try, which nothing else in Octokit sets. It reads the body itself, because
 * Octokit takes one that breaks off for an empty answer. And it sends the token nowhere but to GitHub, whatever
 * address an answer names for the next page.
 */
function fetchWithin(apiUrl: string, timeoutMs: number, signal: AbortSignal | undefined): typeof fetch {
  const { origin } = new URL(apiUrl);
  return async (input, init) => {
    const address = String(input);
    if (new URL(address).origin !== origin) throw new TypeError('an answer names an address outside of GitHub');
    const limit = AbortSignal.timeout(timeoutMs);
    // A renamed repository is elsewhere: by the standard a token does not follow to another server, and no answer counts.
    const response = await fetch(address, { ...init, signal: signal ? AbortSignal.any([signal, limit]) : limit });
    if (new URL(response.url).origin !== origin)
      throw new TypeError('an answer sends us to an address outside of GitHub');
    const body = await response.arrayBuffer();
    const { ok, status, statusText, headers } = response;
    if (ok && body.byteLength > 0 && !headers.get('content-type')?.startsWith('application/json')) {
      throw new TypeError('something in between answers, and not GitHub: what came is no JSON');
    }
    const whole = new Response([204, 205, 304].includes(status) ? null : body, { status, statusText, headers });
    return Object.defineProperty(whole, 'url', { value: response.url });
  };
}

/** In the place of the throttling plugin's own: one request that writes every `ms`. */
function everySo(ms: number) {
  let freeAt = 0;
  const schedule = async (_options: object, job: () => Promise<unknown>) => {
    const now = Date.now();
    const at = Math.max(now, freeAt);
    freeAt = at + ms;
    await sleep(at - now);
    return await job();
  };
  return { key: () => ({ schedule }) };
}

/** Settles as `work`, or at once when `signal` fires: waiting for the next try is not worth it then. */
async function orAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work;
  work.catch(() => undefined);
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abort));
}
