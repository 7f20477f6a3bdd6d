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
/** Runs before these never count. */
const SEEN = RECENT * 3;
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
export function anomalyOf(runs: readonly Measured[], options: AnomalyOptions): Anomaly | undefined {
  return anomaliesOf(runs, options, runs.length - 1)[0];
}

/** What `anomalyOf` says of each of `runs` from the index `from` on while it was the newest: nothing that came later counts. */
export function anomaliesOf(
  runs: readonly Measured[],
  { noise, factor }: AnomalyOptions,
  from = 0,
): readonly (Anomaly | undefined)[] {
  const points = runs.map(({ at, value }) => ({ at: at.getTime(), day: at.getUTCDay(), value }));
  const changeAt = changesOf(points, noise);
  const start = Math.max(0, from);
  return points.slice(start).map((last, n) => {
    const end = start + n;
    let first = Math.max(0, end + 1 - SEEN);
    while (last.at - (points[first] ?? last).at > LOOK_BACK_MS) first += 1;
    const own = changeAt(end, first);
    const before = points.slice(first, end);
    const earlier = before.flatMap((_, index) => changeAt(first + index, first) ?? []);
    return own && judge(own, earlier, before, factor);
  });
}

/** `earlier`: those of the runs `before` it that can be compared. */
function judge(own: Change, earlier: readonly Change[], before: readonly Point[], factor: number): Anomaly | undefined {
  const recent = earlier.slice(-RECENT);
  const sameDay = earlier.filter(({ day }) => day === own.day);
  const basis = sameDay.length >= WEEKDAYS ? sameDay : recent;
  const centre = basis.length === 0 ? 0 : median(basis.map(({ change }) => change));
  const isWithin = (limit: number) => {
    const isNear = (change: number) => Math.abs(own.change - change) <= limit;
    // Until there are six of it, one that was like this one on the same day of a week is enough.
    return isNear(centre) || (basis === recent && sameDay.some(({ change }) => isNear(change)));
  };
  // No limit is lower than the factor's: most nights need no other.
  if (isWithin(Math.log(factor)) || isWithin(limitOf(earlier, factor))) return undefined;
  const isOwnDay =
    basis === sameDay && Math.abs(centre - median(recent.map(({ change }) => change))) > Math.log(factor) / 2;
  const compared = (isOwnDay ? sameDay : before.slice(-RECENT)).map(({ value }) => value);
  return {
    ratio: own.value / median(before.slice(-BEFORE).map(({ value }) => value)),
    usual: [quantile(compared, 0.1), quantile(compared, 0.9)],
    count: compared.length,
    weekday: isOwnDay ? own.day : null,
  };
}

interface Point {
  readonly at: number;
  /** Of the week, 0 for Sunday. */
  readonly day: number;
  readonly value: number;
}

interface Change extends Point {
  readonly change: number;
}

/**
 * The change of the run at `index`, where `first` is the first run that counts; undefined where too few are before it. What
 * many windows ask for is computed once.
 */
function changesOf(points: readonly Point[], noise: number): (index: number, first: number) => Change | undefined {
  const logs = points.map(({ value }) => Math.log(value + noise));
  const known = new Map<number, Change>();
  return (index, first) => {
    const count = Math.min(BEFORE, index - first);
    const point = points[index];
    if (count < LEAST || !point) return undefined;
    const key = index * (BEFORE + 1) + count;
    const made = known.get(key) ?? {
      ...point,
      change: (logs[index] ?? 0) - median(logs.slice(index - count, index)),
    };
    known.set(key, made);
    return made;
  };
}

/**
 * How far from the middle is not odd yet. In the first two weeks, when nobody knows how a week goes, only what is very far is.
 * Later the deviation counts over all days of the week, each around its own middle: six Sundays alone may happen to be alike.
 */
function limitOf(runs: readonly Change[], factor: number): number {
  if (runs.length < LEAST) return Math.log(UNKNOWN * factor);
  const all = median(runs.map(({ change }) => change));
  const centres = Array.from({ length: 7 }, (_, day) => {
    const same = runs.filter((run) => run.day === day);
    return same.length >= WEEKDAYS ? median(same.map(({ change }) => change)) : all;
  });
  const off = runs.map(({ day, change }) => change - (centres[day] ?? all));
  return Math.max(Math.log(factor), DEVIATIONS * spreadAround(off, 0));
}
