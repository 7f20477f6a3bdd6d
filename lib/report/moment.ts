const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** `2026-11-22T04:00:07.000Z` → `22 Nov 2026, 04:00 UTC`. */
export function formatMoment(instant: string): string {
  return `${formatDate(instant)}, ${new Date(instant).toISOString().slice(11, 16)} UTC`;
}

/** A date, or the date that an instant has in UTC: `22 Nov 2026`. */
export function formatDate(date: string): string {
  const at = new Date(date);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** `Sun 22 Nov 2026`. */
export function formatDay(date: string): string {
  return `${WEEKDAYS[new Date(date).getUTCDay()]} ${formatDate(date)}`;
}

/** `Nov`. */
export function formatMonth(date: string): string {
  return MONTHS[new Date(date).getUTCMonth()] ?? '';
}
