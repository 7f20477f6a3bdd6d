const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/**
 * A schedule of cron that `scheduleFault` takes, as OnCalendar expressions of systemd, in the host's own zone: the timer
 * fires when one of them does. There are two when both days of the month and days of the week are restricted: cron then
 * fires on either, and one expression of systemd on both. Source: crontab(5), systemd.time(7).
 */
export function toOnCalendar(schedule: string): string[] {
  const [minutes = '', hours = '', days = '', months = '', weekdays = ''] = schedule.trim().split(/[ \t]+/);
  const time = `${expand(hours, 0, 23)}:${expand(minutes, 0, 59)}:00`;
  const onMonthDays = (day: string) => `*-${expand(months, 1, 12, MONTHS)}-${expand(day, 1, 31)} ${time}`;
  const onWeekdays = () => `${weekdayNames(weekdays)} ${onMonthDays('*')}`;
  if (weekdays.startsWith('*') && expand(weekdays, 0, 6) === '*') return [onMonthDays(days)];
  // A field that begins with a star never widens the other one: that is cron's rule, not systemd's.
  return days.startsWith('*') ? [onWeekdays()] : [onMonthDays(days), onWeekdays()];
}

function weekdayNames(field: string): string {
  const names = DAYS.map((name) => name.toLowerCase());
  const numbers = numbersOf(field, 0, 7, names).map((number) => number % 7);
  return DAYS.filter((_, day) => numbers.includes(day)).join(',');
}

/** All the numbers of a field, in two digits: systemd's own ranges and steps begin elsewhere than cron's. */
function expand(field: string, min: number, max: number, words: readonly string[] = []): string {
  const numbers = numbersOf(field, min, max, words);
  if (numbers.length === max - min + 1) return '*';
  return runsOf(numbers)
    .map(([from, to]) => (from === to ? two(from) : `${two(from)}${to === from + 1 ? ',' : '..'}${two(to)}`))
    .join(',');
}

function numbersOf(field: string, min: number, max: number, words: readonly string[]): number[] {
  const word = words.indexOf(field.toLowerCase());
  if (word >= 0) return [word + min];
  const found = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', step = '1'] = part.split('/');
    const [from, to = from] = range === '*' ? [min, max] : range.split('-').map(Number);
    for (let number = from ?? min; number <= (to ?? max); number += Number(step)) found.add(number);
  }
  return [...found].sort((one, other) => one - other);
}

function runsOf(numbers: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
