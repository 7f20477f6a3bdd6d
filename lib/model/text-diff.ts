import { structuredPatch } from 'diff';
import { diffLines } from './plan.ts';

const CONTEXT = 1;

/** How `before` becomes `after`, as lines of a diff with one line of context; empty when they are equal. */
export function textDiff(before: string, after: string): string[] {
  if (before === after) return [];
  if (before === '') return diffLines('+', after);
  if (after === '') return diffLines('-', before);
  const { hunks } = structuredPatch('', '', before, after, undefined, undefined, { context: CONTEXT });
  return hunks.flatMap(({ lines }, index) => (index === 0 ? lines : [' …', ...lines]));
}
