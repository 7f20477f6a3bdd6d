import { structuredPatch } from 'diff';
import { diffLines } from './plan.ts';

const CONTEXT = 1;

/**
 * How `before` becomes `after`, as lines of a diff with one line of context; empty when they are equal. A text without a
 * newline at its end is another one, and says so.
 */
export function textDiff(before: string, after: string): string[] {
  if (before === after) return [];
  const [old, fresh] = [ended(before), ended(after)];
  if (old === '') return diffLines('+', fresh);
  if (fresh === '') return diffLines('-', old);
  const { hunks } = structuredPatch('', '', old, fresh, undefined, undefined, { context: CONTEXT });
  return hunks.flatMap(({ lines }, index) => (index === 0 ? lines : [' …', ...lines]));
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n(no newline at the end)\n`;
}
