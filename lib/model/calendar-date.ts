/** A date of a calendar, without a time: `2026-11-22`. Sorts as dates do. */
export type CalendarDate = string;

const DAY_MS = 86_400_000;

/** The date that `at` has on the clocks of `timezone`. Make one for many questions: the calendar of a time zone is dear. */
export function dateIn(timezone: string): (at: Date) => CalendarDate {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  return (at) => parts.format(at);
}

/** `days` later, or earlier. */
export function addDays(date: CalendarDate, days: number): CalendarDate {
  return new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Monday is 0. */
export function weekdayOf(date: CalendarDate): number {
  return (new Date(Date.parse(date)).getUTCDay() + 6) % 7;
}
