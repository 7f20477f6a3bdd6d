import { addDays, type CalendarDate, dateIn } from '../model/calendar-date.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Night, NightOutcome, OverviewFinding } from '../model/overview.ts';
import { startOfRun } from '../model/run-id.ts';
import { overviewRun } from './overview-run.ts';
import type { PublishedLink } from './published.ts';

/** A year: what people look back on. */
export const NIGHTS = 365;

/** A host's clock may be behind by this much, and cron starts a run within the minute. */
const EARLY_MS = 5 * 60_000;
const RANK = { succeeded: 2, failed: 1, skipped: 0 } as const;

interface NightsOptions {
  /** The trusted manifests of one host. */
  readonly own: readonly PublishedLink[];
  readonly plan: Pick<HostConfig, 'timezone' | 'graceHours'>;
  /** When the schedule fires, in order, at least over the nights that are asked for: `firesBetween`. */
  readonly fires: readonly Date[];
  /** Path of a manifest → what the rules have found of it. */
  readonly findings: ReadonlyMap<string, readonly OverviewFinding[]>;
  readonly now: Date;
}

/**
 * The nights of a host up to today, the oldest first: each date of its calendar from its first record on, for a year at
 * most. A run is of the date at which it was due, also when it starts after midnight; one that no schedule asked for is
 * of the date at which it started. What was due is told by the schedule as it is now: nobody knows an earlier one.
 */
export function nightsOf({ own, plan, fires, findings, now }: NightsOptions): Night[] {
  const dateOf = dateIn(plan.timezone);
  const graceMs = plan.graceHours * 3_600_000;
  const dueAt = new Map<CalendarDate, number>();
  for (const fire of fires) {
    const date = dateOf(fire);
    if (!dueAt.has(date)) dueAt.set(date, fire.getTime());
  }
  const byDate = new Map<CalendarDate, PublishedLink[]>();
  for (const link of own) {
    const date = nightOf(startOfRun(link.run).getTime(), dateOf, dueAt, graceMs);
    byDate.set(date, [...(byDate.get(date) ?? []), link]);
  }
  const today = dateOf(now);
  const first = [...byDate.keys()].sort()[0] ?? addDays(today, 1);
  const oldest = addDays(today, 1 - NIGHTS);
  const nights: Night[] = [];
  for (let date = first > oldest ? first : oldest; date <= today; date = addDays(date, 1)) {
    const links = byDate.get(date) ?? [];
    const best = [...links].sort((a, b) => RANK[b.outcome] - RANK[a.outcome] || (a.run < b.run ? 1 : -1))[0];
    nights.push({
      date,
      outcome: best?.outcome ?? withoutRun(dueAt.get(date), graceMs, now),
      runs: links.length,
      run: best ? overviewRun(best) : null,
      findings: links.flatMap(({ path }) => findings.get(path) ?? []),
    });
  }
  return nights;
}

function nightOf(
  start: number,
  dateOf: (at: Date) => CalendarDate,
  dueAt: ReadonlyMap<CalendarDate, number>,
  graceMs: number,
): CalendarDate {
  const date = dateOf(new Date(start));
  const [before, after] = [addDays(date, -1), addDays(date, 1)];
  const isSince = (due: number | undefined) => due !== undefined && start >= due - EARLY_MS;
  if (isSince(dueAt.get(after))) return after;
  if (isSince(dueAt.get(date))) return date;
  const late = dueAt.get(before);
  return late !== undefined && start <= late + graceMs ? before : date;
}

function withoutRun(due: number | undefined, graceMs: number, now: Date): NightOutcome {
  if (due === undefined) return 'none due';
  return due + graceMs <= now.getTime() ? 'missing' : 'awaited';
}
