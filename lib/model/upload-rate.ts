import type { LimitsConfig } from './limits-config.ts';

type Limits = Pick<LimitsConfig, 'uploadBytesPerSecond' | 'uploadWindows'>;

/**
 * What may be sent at a moment, in bytes a second: that of the first window that the time of day is in, else the limit of all
 * day; undefined where there is none. By the clock on the wall in `timeZone`, so that a window begins and ends with it also on
 * the days on which the clock is changed. Pure.
 */
export function uploadRateAt(
  { uploadBytesPerSecond, uploadWindows = [] }: Limits,
  timeZone: string,
  at: Date,
): number | undefined {
  if (uploadWindows.length === 0) return uploadBytesPerSecond;
  const now = wallClock(timeZone, at);
  const window = uploadWindows.find(({ from, to }) => (from < to ? from <= now && now < to : from <= now || now < to));
  return window?.bytesPerSecond ?? uploadBytesPerSecond;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** `07:05` */
function wallClock(timeZone: string, at: Date): string {
  const options = { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat('en-GB', options);
  formats.set(timeZone, format);
  return format.format(at);
}
