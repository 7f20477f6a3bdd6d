import { median, quantile, spreadAround } from './robust.ts';

/** One run's size or duration. */
export interface Measured {
  /** When the run began. */
  readonly at: Date;
  /** At least 0. */
  readonly value: number;
}

export interface Anomaly {
  /** What the value is compared with the median of the runs before it: 0.5 is half as much. */
  readonly ratio: number;
  /** What most of the runs had that it is compared with. */
  readonly usual: readonly [low: number, high: number];
  /** How many these are. */
  readonly count: number;
  /** The day of the week, 0 for Sunday, where that one is unlike the others here; null where all days are alike. */
  readonly weekday: number | null;
}

export interface AnomalyOptions {
  /** Smaller differences than this are noise, whatever the history: it is added to each value. */
  readonly noise: number;
  /** A value is never called odd unless it differs by this factor. */
  readonly factor: number;
}

const DAY_MS = 86_400_000;
const LOOK_BACK_MS = 63 * DAY_MS;
/** A run is compared with the median of as many before it: two whole weeks, so that every day of the week is in it twice. */
const BEFORE = 14;
/** With fewer, nobody can say what is usual. */
const LEAST = 7;
const RECENT = 28;
const WEEKDAYS = 6;
const DEVIATIONS = 6;
const UNKNOWN = 3;

/**
 * Whether the newest of `runs`, in order of time, is unlike those before it; undefined where it is not, or where they are too few.
 *
 * Each run is a number: the logarithm of its value over the median of the fourteen before it. So neither growth nor
 * a size that has changed for good goes on being odd: it has been told for a week by then. What that number usually is, the
 * host's own last nine weeks say: by the day of the week where there are six of it, else by the last 28. Odd is what is
 * further off than six deviations (1.4826 × the median deviation: nights that were odd themselves do not blunt it), and
 * by `factor` at least.
 */
export function anomalyOf(runs: readonly Measured[], { noise, factor }: AnomalyOptions): Anomaly | undefined {
  const last = runs.at(-1);
  if (!last) return undefined;
  const seen = runs.slice(-(RECENT * 3)).filter(({ at }) => last.at.getTime() - at.getTime() <= LOOK_BACK_MS);
  const changes = changesOf(seen, noise);
  const own = changes.at(-1);
  if (!own || !hasChange(own)) return undefined;
  const earlier = changes.slice(0, -1).filter(hasChange);
  const recent = earlier.slice(-RECENT);
  const sameDay = earlier.filter(({ at }) => at.getUTCDay() === last.at.getUTCDay());
  const basis = sameDay.length >= WEEKDAYS ? sameDay : recent;
  const centre = basis.length === 0 ? 0 : median(basis.map(({ change }) => change));
  const limit = limitOf(earlier, factor);
  const isNear = (change: number) => Math.abs(own.change - change) <= limit;
  // Until there are six of it, one that was like this one on the same day of a week is enough.
  if (isNear(centre) || (basis === recent && sameDay.some(({ change }) => isNear(change)))) return undefined;
  const isOwnDay =
    basis === sameDay && Math.abs(centre - median(recent.map(({ change }) => change))) > Math.log(factor) / 2;
  const compared = (isOwnDay ? sameDay : seen.slice(0, -1).slice(-RECENT)).map(({ value }) => value);
  return {
    ratio:
      last.value /
      median(
        seen
          .slice(0, -1)
          .slice(-BEFORE)
          .map(({ value }) => value),
      ),
    usual: [quantile(compared, 0.1), quantile(compared, 0.9)],
    count: compared.length,
    weekday: isOwnDay ? last.at.getUTCDay() : null,
  };
}

interface Change extends Measured {
  /** undefined where too few runs are before it. */
  readonly change: number | undefined;
}

function changesOf(runs: readonly Measured[], noise: number): readonly Change[] {
  const logs = runs.map(({ value }) => Math.log(value + noise));
  return runs.map((run, index) => {
    const before = logs.slice(Math.max(0, index - BEFORE), index);
    return { ...run, change: before.length < LEAST ? undefined : (logs[index] ?? 0) - median(before) };
  });
}

function hasChange(run: Change): run is Change & { readonly change: number } {
  return run.change !== undefined;
}

/**
 * How far from the middle is not odd yet. In the first two weeks, when nobody knows how a week goes, only what is very far is.
 * Later the deviation counts over all days of the week, each around its own middle: six Sundays alone may happen to be alike.
 */
function limitOf(runs: readonly (Measured & { readonly change: number })[], factor: number): number {
  if (runs.length < LEAST) return Math.log(UNKNOWN * factor);
  const all = median(runs.map(({ change }) => change));
  const centres = Array.from({ length: 7 }, (_, day) => {
    const same = runs.filter(({ at }) => at.getUTCDay() === day);
    return same.length >= WEEKDAYS ? median(same.map(({ change }) => change)) : all;
  });
  const off = runs.map(({ at, change }) => change - (centres[at.getUTCDay()] ?? all));
  return Math.max(Math.log(factor), DEVIATIONS * spreadAround(off, 0));
}
