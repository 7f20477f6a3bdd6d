import type { Night, OverviewRun } from '../../model/overview.ts';
import { formatBytes, formatDuration } from '../format.ts';
import { formatDate, formatMonth } from '../moment.ts';
import { drawChart } from './draw-chart.ts';
import type { Html } from './html.ts';
import { Inks } from './inks.ts';
import { describeNight, lookOf } from './night-marks.ts';
import { byteScale, durationScale, type Scale } from './scale.ts';

const WIDTH = 328;
const HEIGHT = 132;
/** Of so few each is a dot, so that a line of one night is seen. */
const FEW = 45;

interface Line {
  readonly of: (run: OverviewRun) => number;
  readonly line?: string;
  readonly area?: string;
  readonly dots?: string;
}

interface Timeline {
  readonly nights: readonly Night[];
  readonly lines: readonly Line[];
  readonly scale: (most: number) => Scale;
  readonly label: string;
}

/** How much the host has backed up each night: its SQL as a line, what a copy takes as an area. */
export function sizeChart(nights: readonly Night[]): Html {
  const lines = [
    { of: ({ sealedBytes }: OverviewRun) => sealedBytes, area: 'a-sealed' },
    { of: ({ plainBytes }: OverviewRun) => plainBytes, line: 'l-sql', dots: 'p-sql' },
  ];
  const label = `Size of the backup${rangeOf(nights, ({ plainBytes }) => formatBytes(plainBytes))}`;
  return timelineChart({ nights, lines, scale: byteScale, label });
}

/** How long each night's run took. */
export function durationChart(nights: readonly Night[]): Html {
  const lines = [{ of: ({ durationMs }: OverviewRun) => durationMs, line: 'l-took', area: 'a-took', dots: 'p-took' }];
  const label = `Duration of the backup${rangeOf(nights, ({ durationMs }) => formatDuration(durationMs))}`;
  return timelineChart({ nights, lines, scale: durationScale, label });
}

function timelineChart({ nights, lines, scale, label }: Timeline): Html {
  const inks = new Inks();
  const runs = nights.map(goodRun);
  const most = Math.max(1, ...runs.flatMap((run) => (run ? lines.map(({ of }) => of(run)) : [])));
  const { max, interval, format } = scale(most);
  const soft = { color: inks.plain(''), fontSize: 10 };
  const hair = { lineStyle: { color: inks.plain('l-grid'), width: 1 } };
  const isFew = runs.filter((run) => run !== null).length <= FEW;
  const series = lines.map(({ of, line, area, dots }) => ({
    type: 'line',
    data: runs.map((run) => (run ? of(run) : null)),
    connectNulls: true,
    silent: true,
    symbol: 'circle',
    symbolSize: 4,
    showSymbol: isFew && dots !== undefined,
    itemStyle: { color: inks.plain(dots ?? 'none') },
    lineStyle: { color: line === undefined ? 'none' : inks.plain(line), width: line === undefined ? 0 : 1.6 },
    ...(area === undefined ? {} : { areaStyle: { color: inks.plain(area), opacity: 1 } }),
  }));
  const top = lines.at(-1);
  const odd = nights.flatMap((night, n) => {
    const run = runs[n];
    if (lookOf(night).look !== 'odd' || !run || !top) return [];
    return [
      {
        value: [n, top.of(run)],
        itemStyle: { color: inks.of({ className: 'p-odd', title: describeNight(night) }), opacity: 1 },
      },
    ];
  });
  const option = {
    grid: { left: 52, right: 8, top: 8, bottom: 20, containLabel: false },
    xAxis: {
      type: 'category',
      data: nights.map(({ date }) => date),
      boundaryGap: false,
      axisLine: hair,
      axisTick: { show: false },
      axisLabel: { ...soft, margin: 7, interval: monthsShown(nights), formatter: formatTick, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      min: 0,
      max,
      interval,
      splitLine: hair,
      axisLabel: { ...soft, margin: 8, formatter: format },
    },
    series: [...series, { type: 'scatter', silent: true, data: odd, symbol: 'diamond', symbolSize: 10, z: 5 }],
  };
  return drawChart({ option, inks, width: WIDTH, height: HEIGHT, label });
}

function goodRun({ outcome, run }: Night): OverviewRun | null {
  return outcome === 'succeeded' ? run : null;
}

/** Which nights have a label: the first of every second month, or of what is short every seventh. */
function monthsShown(nights: readonly Night[]): (index: number, date: string) => boolean {
  if (nights.length < 75) {
    const step = Math.max(1, Math.ceil(nights.length / 5));
    return (index) => index % step === 0;
  }
  const isFirst = nights.length > 200 ? (month: number) => month % 2 === 1 : () => true;
  return (_, date) => date.endsWith('-01') && isFirst(Number(date.slice(5, 7)));
}

function formatTick(date: string): string {
  const month = formatMonth(date);
  return date.endsWith('-01')
    ? date.endsWith('-01-01')
      ? date.slice(0, 4)
      : month
    : `${Number(date.slice(8))} ${month}`;
}

function rangeOf(nights: readonly Night[], format: (run: OverviewRun) => string): string {
  const good = nights.filter((night) => goodRun(night) !== null);
  const [first, last] = [good[0], good.at(-1)];
  if (!first?.run || !last?.run) return ': no run has succeeded';
  return `: ${format(first.run)} on ${formatDate(first.date)}, ${format(last.run)} on ${formatDate(last.date)}`;
}
