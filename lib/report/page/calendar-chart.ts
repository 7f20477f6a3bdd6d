import { addDays, weekdayOf } from '../../model/calendar-date.ts';
import type { Night } from '../../model/overview.ts';
import { formatDate } from '../moment.ts';
import { drawChart } from './draw-chart.ts';
import { type Html, html } from './html.ts';
import { Inks } from './inks.ts';
import { countNights, describeNight, lookOf, signClass } from './night-marks.ts';

/** Half a year side by side is as wide as a phone is. */
const WEEKS = 27;
const CELL = 11.2;
const GAP = 2.4;
const LEFT = 29;
const TOP = 15;
const WIDTH = Math.ceil(LEFT + WEEKS * CELL + 1);
const HEIGHT = Math.ceil(TOP + 7 * CELL + 1);

/** The calendar of a host's nights: a column a week, half a year a drawing, so that two stand side by side or below each other. */
export function calendarCharts(nights: readonly Night[]): Html {
  const last = nights.at(-1)?.date;
  if (last === undefined) return html``;
  const monday = addDays(last, -weekdayOf(last));
  const half = addDays(monday, -7 * (WEEKS - 1));
  const ranges = [
    { from: addDays(half, -7 * WEEKS), to: addDays(half, -1) },
    { from: half, to: addDays(monday, 6) },
  ];
  const drawn = ranges.flatMap(({ from, to }) => {
    const within = nights.filter(({ date }) => date >= from && date <= to);
    return within.length === 0 ? [] : [calendarChart(within, from, to)];
  });
  return html`<div class="halves">${drawn}</div>`;
}

interface Month {
  readonly yyyy: string;
  readonly MM: string;
  readonly nameMap: string;
}

/** Whether of the month in which a drawing begins so little is in it that its name would run into the next one. */
function isNarrow(from: string, month: string): boolean {
  return from.startsWith(month) && Number(from.slice(8)) > 15;
}

function calendarChart(nights: readonly Night[], from: string, to: string): Html {
  const inks = new Inks();
  const soft = { color: inks.plain(''), fontSize: 10 };
  const data: object[] = nights.map((night) => {
    const { className, sign, look } = lookOf(night);
    const ink = inks.of({ className, title: describeNight(night) });
    const label = { show: sign !== '', formatter: sign, color: inks.plain(signClass(look)), fontSize: 9 };
    // The colour says which night it is: no map of values may change it.
    return { value: [night.date, 0], visualMap: false, itemStyle: { color: ink }, label };
  });
  const days = Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1;
  const known = new Set(nights.map(({ date }) => date));
  const others = Array.from({ length: days }, (_, n) => addDays(from, n)).filter((date) => !known.has(date));
  const empty = { visualMap: false, itemStyle: { color: inks.plain('n-void') } };
  data.unshift(...others.map((date) => ({ ...empty, value: [date, 0] })));
  const option = {
    calendar: {
      left: LEFT,
      top: TOP,
      cellSize: [CELL, CELL],
      range: [from, to],
      splitLine: { show: false },
      itemStyle: { color: 'none', borderColor: 'none', borderWidth: GAP },
      dayLabel: { firstDay: 1, nameMap: ['', 'Mon', '', 'Wed', '', 'Fri', ''], margin: 6, ...soft },
      monthLabel: {
        formatter: ({ yyyy, MM, nameMap }: Month) => (isNarrow(from, `${yyyy}-${MM}`) ? '' : nameMap),
        nameMap: 'en',
        align: 'left',
        margin: 5,
        ...soft,
      },
      yearLabel: { show: false },
    },
    visualMap: { show: false, min: 0, max: 1 },
    series: [{ type: 'heatmap', coordinateSystem: 'calendar', silent: true, data }],
  };
  const label = `Nights from ${formatDate(nights[0]?.date ?? from)} to ${formatDate(nights.at(-1)?.date ?? to)}: ${countNights(nights)}`;
  return drawChart({ option, inks, width: WIDTH, height: HEIGHT, label });
}
