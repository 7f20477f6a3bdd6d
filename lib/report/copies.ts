import type { CopyLook } from '../model/overview.ts';
import { formatDate } from './moment.ts';

/** A copy as records tell it: of one run, at one place. */
interface Copy {
  readonly state: 'complete' | 'owed' | 'missing' | 'removed';
  readonly verified: string | null;
  readonly deliveredBy: string | null;
}

/** How a copy was verified when it was made, or why there is none: the same words in the terminal and on the page. */
export function describeCopy({ state, verified, deliveredBy }: Copy): string {
  if (state === 'removed') return 'removed by retention';
  if (state !== 'complete') return state;
  return `${verified ?? 'complete'}${deliveredBy === null ? '' : ', delivered later'}`;
}

/** What `verify` found of a copy since: `whole on 22 Nov 2026, every byte`. */
export function describeLook({ at, verdict, sampled }: CopyLook): string {
  const found = `${verdict} on ${formatDate(at)}`;
  if (verdict === 'missing' || verdict === 'untrusted') return found;
  return `${found}, ${sampled ? `${sampled.read} of ${sampled.total} segments` : 'every byte'}`;
}

/** Whether the copy is there, as far as anybody knows. */
export function isThere({ state, looked }: Pick<Copy, 'state'> & { readonly looked: CopyLook | null }): boolean {
  return state === 'complete' && (looked === null || looked.verdict === 'whole');
}

/** `2/3`: how many of the copies are complete, and were not found to be anything else since. */
export function countCopies(copies: readonly Parameters<typeof isThere>[0][]): string {
  return `${copies.filter(isThere).length}/${copies.length}`;
}
