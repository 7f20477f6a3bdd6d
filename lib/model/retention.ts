import type { HostConfig } from './inventory.ts';
import { type RunId, startOfRun } from './run-id.ts';

/** How many runs of one place are kept: the newest of each of so many days, weeks, months and years that have one. */
export type Keep = NonNullable<NonNullable<HostConfig['retention']>['store']>;

const PERIODS: Readonly<Record<keyof Keep, (start: Date) => string>> = {
  daily: (start) => start.toISOString().slice(0, 10),
  weekly: (start) => String(weekOf(start)),
  monthly: (start) => start.toISOString().slice(0, 7),
  yearly: (start) => start.toISOString().slice(0, 4),
};
const WEEK_MS = 7 * 86_400_000;
/** The first of January 1970 was a Thursday, and weeks begin on Mondays. */
const FIRST_MONDAY_MS = 4 * 86_400_000;

/** Those of `runs` that `keep` keeps, the oldest first. Days are those of UTC, as in a run's name. Pure. */
export function keptRuns(runs: readonly RunId[], keep: Keep): readonly RunId[] {
  const newestFirst = [...runs].sort().reverse();
  const kept = new Set<RunId>();
  for (const [name, periodOf] of Object.entries(PERIODS)) {
    const periods = new Set<string>();
    for (const run of newestFirst) {
      if (periods.size >= (keep[name as keyof Keep] ?? 0)) break;
      const period = periodOf(startOfRun(run));
      if (!periods.has(period)) kept.add(run);
      periods.add(period);
    }
  }
  return [...kept].sort();
}

function weekOf(start: Date): number {
  return Math.floor((start.getTime() - FIRST_MONDAY_MS) / WEEK_MS);
}
