import type { Remark } from '../model/plan.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * What to say when the host's own zone is another than the inventory's: the task would run at another time than the
 * audit expects it. Zones of different names with the same clocks over the next year are the same. `hostZone` is
 * undefined when the host does not name it.
 */
export function zoneRemark(inventoryZone: string, hostZone: string | undefined, now: Date): Remark | undefined {
  if (hostZone === inventoryZone) return undefined;
  if (hostZone !== undefined && sameClocks(inventoryZone, hostZone, now.getTime())) return undefined;
  const named = hostZone ?? 'one that it does not name';
  const other = hostZone === undefined ? '' : `, or write into the inventory: timezone: ${hostZone}`;
  return {
    text: `the inventory has the time zone ${inventoryZone}, and the host's own is ${named}: cron goes by the host's`,
    hint: `on the host: timedatectl set-timezone ${inventoryZone}${other}`,
  };
}

/** What to say when the clocks of host and control are more than five minutes apart. Both in milliseconds of Unix time. */
export function clockRemark(hostEpochMs: number, controlEpochMs: number): Remark | undefined {
  const aheadMs = hostEpochMs - controlEpochMs;
  if (Math.abs(aheadMs) <= 5 * MINUTE_MS) return undefined;
  const minutes = Math.round(Math.abs(aheadMs) / MINUTE_MS);
  const by = minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
  return {
    text: `the clock of the host is ${by} ${aheadMs > 0 ? 'fast' : 'slow'}: runs get the wrong time, and the audit misses them`,
    hint: 'on the host: timedatectl set-ntp true; timedatectl status',
  };
}

/** Looks at every full hour: no zone changes its clocks more often. */
function sameClocks(one: string, other: string, fromMs: number): boolean {
  if (sameZone(one, other)) return true;
  const [offsetOfOne, offsetOfOther] = [offsets(one), offsets(other)];
  if (!offsetOfOne || !offsetOfOther) return false;
  const first = Math.ceil(fromMs / HOUR_MS) * HOUR_MS;
  for (let hour = 0; hour <= 366 * 24; hour++) {
    const at = first + hour * HOUR_MS;
    if (offsetOfOne(at) !== offsetOfOther(at)) return false;
  }
  return true;
}

/** Two names of one zone, such as UTC and Etc/UTC. */
function sameZone(one: string, other: string): boolean {
  const canonical = (timeZone: string) => new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;
  try {
    return canonical(one) === canonical(other);
  } catch {
    return false;
  }
}

/** The offset from UTC as text, such as GMT+02:00; undefined for a zone that is none. */
function offsets(timeZone: string): ((epochMs: number) => string | undefined) | undefined {
  try {
    const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
    return (epochMs) => format.formatToParts(epochMs).find(({ type }) => type === 'timeZoneName')?.value;
  } catch {
    return undefined;
  }
}
