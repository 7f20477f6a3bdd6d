import type { CalendarDate } from './calendar-date.ts';
import type { HostConfig, Keep } from './inventory.ts';
import { type RunId, startOfRun } from './run-id.ts';
import { slotOf } from './schedule.ts';

export const PERIODS = ['daily', 'weekly', 'monthly', 'yearly'] as const;
export type Period = (typeof PERIODS)[number];

/** The day of the schedule of a host on which a run was due. */
export function dayOfRun(run: RunId, { schedule, timezone }: Pick<HostConfig, 'schedule' | 'timezone'>): CalendarDate {
  return slotOf(schedule, timezone, startOfRun(run));
}

/**
 * The best item of each period that has one, the newest period first: `[2026-W47, item]`. `days` has each item with its day, in
 * the order in which they were made; the last one is best, unless `isBetter` says otherwise.
 */
export function bestOfPeriods<Item>(
  days: readonly (readonly [Item, CalendarDate])[],
  period: Period,
  isBetter: (later: Item, earlier: Item) => boolean = () => true,
): readonly (readonly [string, Item])[] {
  const best = new Map<string, Item>();
  for (const [item, day] of days) {
    const name = periodOf(day, period);
    const before = best.get(name);
    if (before === undefined || isBetter(item, before)) best.set(name, item);
  }
  return [...best].sort(([one], [other]) => (one < other ? 1 : -1));
}

/**
 * Those of `runs` that `keep` keeps by its calendar alone, the oldest first: what a place has at least, if all of them were good
 * there. Pure.
 */
export function keptRuns(
  runs: readonly RunId[],
  keep: Keep,
  schedule: Pick<HostConfig, 'schedule' | 'timezone'>,
): readonly RunId[] {
  const days = [...runs].sort().map((run) => [run, dayOfRun(run, schedule)] as const);
  const kept = PERIODS.flatMap((period) =>
    bestOfPeriods(days, period)
      .slice(0, keep[period] ?? 0)
      .map(([, run]) => run),
  );
  return [...new Set(kept)].sort();
}

/** The name of the period that a day is in. Names of one kind sort as time does. */
function periodOf(day: CalendarDate, period: Period): string {
  switch (period) {
    case 'daily':
      return day;
    case 'weekly':
      return weekOf(day);
    case 'monthly':
      return day.slice(0, 7);
    case 'yearly':
      return day.slice(0, 4);
  }
}

const DAY_MS = 86_400_000;

/** ISO 8601: weeks begin on Monday, and belong to the year that has their Thursday. */
function weekOf(day: CalendarDate): string {
  const date = new Date(`${day}T00:00:00Z`);
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS)) + 1;
  return `${year}-W${String(week).padStart(2, '0')}`;
}
