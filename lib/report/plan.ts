import type { Change, Remark } from '../model/plan.ts';
import { onOneLine } from './table.ts';

interface Planned {
  /** A host, or whatever else is to be changed. */
  readonly host: string;
  readonly changes: readonly Change[];
  readonly remarks: readonly Remark[];
}

const SIGN = { create: '+', change: '~', remove: '-' } as const;

/** The plan of a host as a person reads it: a line for each change, its diff below, then what cannot be mended. */
export function formatPlan({ host, changes, remarks }: Planned): string {
  const head = changes.length === 0 ? `${host}: nothing to change` : `${host}: ${count(changes.length)}`;
  return [
    head,
    ...changes.flatMap(formatChange),
    ...remarks.flatMap(({ text, hint }) => [`  warning: ${onOneLine(text)}`, `  hint: ${onOneLine(hint)}`]),
  ].join('\n');
}

/** Such as `3 changes`. */
export function count(changes: number): string {
  return `${changes} ${changes === 1 ? 'change' : 'changes'}`;
}

function formatChange({ action, kind, name, lines }: Change): string[] {
  return [`  ${SIGN[action]} ${kind} ${onOneLine(name)}`, ...lines.map((line) => `      ${onOneLine(line)}`)];
}
