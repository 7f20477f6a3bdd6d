import * as z from 'zod';
import { CoffreError, type ErrorCode } from '../model/error.ts';
import { publicText } from './known-secrets.ts';

/** What Octokit's errors carry; a `response` only when GitHub has answered. */
interface Answered {
  readonly status?: number;
  readonly message?: string;
  readonly cause?: unknown;
  readonly response?: { readonly headers?: Readonly<Record<string, unknown>>; readonly data?: unknown };
}

/** Where what a hint speaks of stands. */
export interface GitHubNames {
  /** The secret, or what else GitHub is shown. */
  readonly token: string;
  /** What the token has to be allowed, as a sentence. */
  readonly permission: string;
  /** What names the things at GitHub. */
  readonly address: string;
}

export const PULL_REQUEST_NAMES: GitHubNames = {
  token: 'GITHUB_TOKEN',
  permission:
    'the token needs to write pull requests: in a workflow, permissions: pull-requests: write; in a pull request of a fork it never may',
  address: 'GITHUB_REPOSITORY and the number of the pull request',
};

interface Asked {
  readonly timeoutMs: number;
  readonly names: GitHubNames;
}

/** The failure of a request to GitHub. Its answers are recognised here and nowhere else; the token is in none of it. */
export function githubFailure(what: string, error: unknown, { timeoutMs, names }: Asked): CoffreError {
  if (error instanceof CoffreError) return error;
  const failed = (code: ErrorCode, cause: string, hint: string) =>
    new CoffreError(code, publicText(`cannot ${what}: ${cause}`), { hint });
  if (error instanceof z.ZodError) {
    return failed('unexpected', 'GitHub answers something else than its documentation says', describeIssue(error));
  }
  const { status, message = String(error), cause, response } = error as Answered;
  const told = messageOf(response?.data) ?? message;
  if (status === undefined) return failed('unexpected', told, 'try again');
  if (response === undefined) {
    const late = (cause as Error | undefined)?.name === 'TimeoutError';
    return failed('github-unreachable', late ? `no answer within ${timeoutMs / 1000} s` : told, 'try again');
  }
  const wait = secondsToWait(response.headers ?? {}, told);
  if ((status === 403 || status === 429) && wait !== undefined) {
    return failed('github-unreachable', `GitHub limits the rate of requests`, `try again in ${wait} s`);
  }
  switch (status) {
    case 401:
      return failed(
        'github-unreachable',
        'GitHub does not accept the token',
        `is ${names.token} set, and still valid?`,
      );
    case 403:
      return failed('github-unreachable', `the token may not do this (${told})`, names.permission);
    case 404:
    case 410:
      return failed(
        'not-found',
        'there is no such thing at GitHub, or the token may not see it',
        `compare ${names.address} with the page at GitHub`,
      );
    default:
      return status >= 500
        ? failed('github-unreachable', `GitHub answers ${status}`, 'try again; see https://www.githubstatus.com')
        : failed('unexpected', `GitHub answers ${status}: ${told}${detailsOf(response.data)}`, REFUSED_HINT);
  }
}

const REFUSED_HINT = 'what GitHub does not take stands in the message; mend that, or report it with the message';

/** What GitHub's answer names of each thing that it does not take, as the second half of a sentence. */
function detailsOf(data: unknown): string {
  const errors = (data as { errors?: unknown } | null | undefined)?.errors;
  if (!Array.isArray(errors)) return '';
  const named = errors.slice(0, 3).flatMap((error: unknown) => {
    if (typeof error === 'string') return [error];
    const { resource, field, code, message } = (error ?? {}) as Readonly<Record<string, unknown>>;
    const words = [resource, field, typeof message === 'string' ? message : code];
    return [words.filter((word) => typeof word === 'string').join(' ')];
  });
  const text = publicText(named.filter((each) => each !== '').join('; ')).replaceAll(/[^\x20-\x7e]/g, ' ');
  return text === '' ? '' : `: ${text.slice(0, 300)}`;
}

/** What GitHub has answered instead of what was asked for; undefined where it did not answer. */
export function refusalOf(error: unknown): { readonly status: number; readonly told: string } | undefined {
  const { status, response } = error as Answered;
  if (status === undefined || response === undefined) return undefined;
  return { status, told: (messageOf(response.data) ?? '').replaceAll(/[^\x20-\x7e]/g, ' ') };
}

/**
 * The seconds that GitHub asks to wait by `retry-after` alone. The throttling plugin waits for those limits only that name
 * themselves secondary, or have no request remaining.
 */
export function plainRetryAfter(error: unknown): number | undefined {
  const { status, message = '', response } = error as Answered;
  if ((status !== 403 && status !== 429) || response === undefined) return undefined;
  const { headers = {} } = response;
  if (/\bsecondary rate\b/i.test(message) || headers['x-ratelimit-remaining'] === '0') return undefined;
  const asked = Number(headers['retry-after']);
  return Number.isFinite(asked) ? asked : undefined;
}

function messageOf(data: unknown): string | undefined {
  const message = (data as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? publicText(message).slice(0, 300) : undefined;
}

/** The seconds that a rate limit asks for; undefined where it is none. */
function secondsToWait(headers: Readonly<Record<string, unknown>>, message: string): number | undefined {
  const asked = Number(headers['retry-after']);
  if (Number.isFinite(asked)) return asked;
  const resetsAt = Number(headers['x-ratelimit-reset']) * 1000;
  if (headers['x-ratelimit-remaining'] === '0' && Number.isFinite(resetsAt)) {
    return Math.max(0, Math.ceil((resetsAt - Date.now()) / 1000));
  }
  return /\bsecondary rate\b/i.test(message) ? 60 : undefined;
}

function describeIssue({ issues }: z.ZodError): string {
  const [issue] = issues;
  return `look at: ${issue?.path.join('.') || 'the answer'}: ${issue?.message ?? 'not as expected'}`;
}
