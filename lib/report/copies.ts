/** A copy as records tell it: of one run, at one place. */
interface Copy {
  readonly state: 'complete' | 'owed' | 'missing';
  readonly verified: string | null;
  readonly deliveredBy: string | null;
}

/** How a copy was verified, or why there is none: the same words in the terminal and on the page. */
export function describeCopy({ state, verified, deliveredBy }: Copy): string {
  if (state !== 'complete') return state;
  return `${verified ?? 'complete'}${deliveredBy === null ? '' : ', delivered later'}`;
}

/** `2/3`: how many of the copies are complete. */
export function countCopies(copies: readonly Copy[]): string {
  return `${copies.filter(({ state }) => state === 'complete').length}/${copies.length}`;
}
