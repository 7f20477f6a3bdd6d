import type { RestorePlan } from '../lib/flow/plan-restore.ts';
import { formatRestorePlan } from '../lib/report/restore-result.ts';
import { onOneLine } from '../lib/report/table.ts';
import { toStderr } from './outlet.ts';
import type { TaskContext } from './task.ts';
import { askLine } from './terminal.ts';

/**
 * Shows a person at a terminal what would be done, and lets the names of the databases be typed that it would replace;
 * undefined where nobody is there to type.
 */
export function typedNames(
  values: TaskContext['values'],
): ((plan: RestorePlan) => Promise<readonly string[]>) | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY || values.json === true) return undefined;
  return async (plan) => {
    toStderr(`${formatRestorePlan(plan)}\n\n`);
    const others = [...plan.immovable, ...plan.unsettled];
    const names = plan.refused.filter((name) => !others.some(({ database }) => database === name));
    const typed: string[] = [];
    for (const name of names) {
      const answer = await askLine(`${onOneLine(name)} is there. To replace it, type its name`);
      if (answer !== name) return typed;
      typed.push(name);
    }
    return typed;
  };
}
