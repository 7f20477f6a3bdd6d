import { CronExpressionParser } from 'cron-parser';
import { addDays, type CalendarDate } from './calendar-date.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly words: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day of month', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'day of week', min: 0, max: 7, words: WEEKDAYS },
];

/**
 * Why Debian's cron would not run `schedule` as its author means it; undefined when it would.
 * Takes five fields of numbers, lists, ranges and steps, and single names of months and weekdays: crontab(5).
 */
export function scheduleFault(schedule: string): string | undefined {
  const fields = schedule.trim().split(/[ \t]+/);
  if (fields[0]?.startsWith('@')) return `"${fields[0]}" is not taken: write the five fields, as in "0 4 * * *"`;
  if (fields.length !== FIELDS.length) {
    return `five fields are expected (minute, hour, day of month, month, day of week), and here are ${fields.length}`;
  }
  for (const [index, field] of FIELDS.entries()) {
    const fault = fieldFault(fields[index] ?? '', field);
    if (fault !== undefined) return fault;
  }
  const [, , day = '', , weekday = ''] = fields;
  if (day !== '*' && weekday !== '*' && (day.startsWith('*') || weekday.startsWith('*'))) {
    return 'a step over all days beside the other field of days means different things to different programs: list the days';
  }
  try {
    CronExpressionParser.parse(fields.join(' '), { tz: 'UTC', currentDate: new Date(0) }).next();
  } catch {
    return 'it never fires: no such day is in the calendar';
  }
  return undefined;
}

/** The last time at or before `at` that `schedule` fires, on the clocks of `timezone` (an IANA name). */
export function previousFire(schedule: string, timezone: string, at: Date): Date {
  return calendar(schedule, timezone, new Date(at.getTime() + 1))
    .prev()
    .toDate();
}

/** The times before `at` and not before `since` that `schedule` fires, the latest first, as many as `limit`. */
export function previousFires(
  schedule: string,
  timezone: string,
  at: Date,
  since: Date,
  limit: number,
): readonly Date[] {
  const fires = calendar(schedule, timezone, at);
  const found: Date[] = [];
  while (found.length < limit) {
    const fire = fires.prev().toDate();
    if (fire < since) break;
    found.push(fire);
  }
  return found;
}

/** The first time after `at` that `schedule` fires, on the clocks of `timezone` (an IANA name). */
export function nextFire(schedule: string, timezone: string, at: Date): Date {
  return calendar(schedule, timezone, at).next().toDate();
}

const HOUR_MS = 3_600_000;

/** What of a host says when its runs are due. */
interface Due {
  readonly schedule: string;
  readonly timezone: string;
  readonly graceHours: number;
}

/** By when the run after the one that started at `start` has to have started, with the hours of grace. */
export function deadlineAfter({ schedule, timezone, graceHours }: Due, start: Date): Date {
  const next = nextFire(schedule, timezone, new Date(start.getTime() + EARLY_MS));
  return new Date(next.getTime() + graceHours * HOUR_MS);
}

/** Whether a run that started at `start` is the one that has to be there by `now`: the last one due whose hours of grace are over. */
export function isCovered(
  {
    schedule,
    timezone,
    graceHours,
  }: { readonly schedule: string; readonly timezone: string; readonly graceHours: number },
  start: Date,
  now: Date,
): boolean {
  const dueAt = previousFire(schedule, timezone, new Date(now.getTime() - graceHours * HOUR_MS));
  return start.getTime() >= dueAt.getTime() - EARLY_MS;
}

/**
 * When `schedule` fires from `from` to `to`, in order, on the clocks of `timezone`. Of what fires several times an hour,
 * one an hour: a calendar needs no more, and a year of minutes would take long.
 */
export function firesBetween(schedule: string, timezone: string, from: Date, to: Date): Date[] {
  const fires: Date[] = [];
  const expression = calendar(schedule, timezone, new Date(from.getTime() - 1));
  let soonest = from.getTime();
  for (;;) {
    const fire = expression.next().toDate();
    if (fire > to) return fires;
    if (fire.getTime() < soonest) {
      expression.reset(new Date(soonest - 1));
      continue;
    }
    fires.push(fire);
    soonest = fire.getTime() + HOUR_MS;
  }
}

/** A host's clock may be behind by this much, and cron starts a run within the minute. */
const EARLY_MS = 5 * 60_000;

/** A schedule that fires once a day. */
const DAILY = /^(\d{1,2})[ \t]+(\d{1,2})[ \t]+\*[ \t]+\*[ \t]+\*$/;

/**
 * The day, such as `2026-11-22`, on whose schedule something that started at `start` was: that on which `schedule` fired
 * last, on the clocks of `timezone`. Of a schedule that fires once a day the clock alone tells, which is quick.
 */
export function slotOf(schedule: string, timezone: string, start: Date): CalendarDate {
  const at = new Date(start.getTime() + EARLY_MS);
  const daily = DAILY.exec(schedule.trim());
  if (!daily)
    return wallClock(timezone)
      .format(previousFire(schedule, timezone, at))
      .slice(0, 10);
  const [date = '', time = ''] = wallClock(timezone).format(at).split(' ');
  const [, minute = '', hour = ''] = daily;
  return time >= `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}` ? date : addDays(date, -1);
}

const wallClocks = new Map<string, Intl.DateTimeFormat>();

/** `2026-11-22 04:00`. Making one costs more than using it many times. */
function wallClock(timeZone: string): Intl.DateTimeFormat {
  const known =
    wallClocks.get(timeZone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  wallClocks.set(timeZone, known);
  return known;
}

function calendar(schedule: string, timezone: string, currentDate: Date) {
  return CronExpressionParser.parse(schedule.trim(), { tz: timezone, currentDate });
}

function fieldFault(text: string, field: Field): string | undefined {
  if (field.words.includes(text.toLowerCase())) return undefined;
  for (const part of text.split(',')) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (!match) return `the ${field.name} "${part}" is not a number, a range such as 1-5, or a step such as */2`;
    const [, from, to, step] = match;
    const numbers = [from, to].filter((digits) => digits !== undefined).map(Number);
    if (numbers.some((number) => number < field.min || number > field.max)) {
      return `the ${field.name} "${part}" is not within ${field.min}-${field.max}`;
    }
    if (to !== undefined && Number(from) > Number(to))
      return `the ${field.name} "${part}" is a range that runs backwards`;
    if (step !== undefined && Number(step) === 0) return `the ${field.name} "${part}" has a step of zero`;
    if (step !== undefined && from !== undefined && to === undefined) {
      return `the ${field.name} "${part}" has a step without a range: write ${from}-${field.max}/${step}`;
    }
  }
  return undefined;
}
