import { formatDuration } from '../format.ts';

/** An axis from 0 on: its end, the step of its labels, and what they say. */
export interface Scale {
  readonly max: number;
  readonly interval: number;
  readonly format: (value: number) => string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DURATION_STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 4, 6, 12, 24].map((hours) => hours * HOUR),
];
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const STEPS = 4;

/** An axis of bytes whose labels are round in the unit that people read: 0, 5 GiB, 10 GiB. */
export function byteScale(most: number): Scale {
  const power1024 = Math.min(UNITS.length - 1, Math.floor(Math.log(Math.max(most, 1)) / Math.log(1024)));
  const unit = 1024 ** power1024;
  const wanted = Math.max(most / unit, 1) / STEPS;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const factor = [1, 2, 2.5, 5, 10].find((step) => step * power >= wanted) ?? 10;
  const interval = Math.max(factor * power, unit === 1 ? 1 : 0) * unit;
  const format = (value: number) => (value === 0 ? '0' : `${Number((value / unit).toFixed(2))} ${UNITS[power1024]}`);
  return { ...upTo(most, interval), format };
}

/** An axis of milliseconds whose labels are round on a clock: 0, 5 min, 10 min. */
export function durationScale(most: number): Scale {
  const wanted = most / STEPS;
  const interval = DURATION_STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted / (24 * HOUR)) * 24 * HOUR;
  return { ...upTo(most, interval), format: shortDuration };
}

/** `5 min`, where `formatDuration` says `5 min 0 s`. */
function shortDuration(durationMs: number): string {
  if (durationMs === 0) return '0';
  return formatDuration(durationMs)
    .replace(/^(\d+)\.0 s$/, '$1 s')
    .replace(/ 0 (s|min)$/, '');
}

function upTo(most: number, interval: number) {
  return { max: Math.max(1, Math.ceil(most / interval)) * interval, interval };
}
