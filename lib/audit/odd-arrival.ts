import { startOfRun } from '../model/run-id.ts';
import type { Arrival } from './history.ts';
import { placeOf } from './paths.ts';

const DAY_MS = 86_400_000;
/** A night whose publication was owed comes with the next one, or with the one after that. */
const LATE_MS = 3 * DAY_MS;
/** After this it has been told often enough. */
const TOLD_MS = 14 * DAY_MS;

/**
 * Whether a record came, within the last two weeks, in a commit that is days younger than the run in its name. The time of
 * a commit is what its maker says, so that this proves nothing; but whoever dates a record back has to date its commit back
 * too, and then that stands between commits of other times.
 */
export function isOddArrival({ path, committedAt }: Arrival, now: Date): boolean {
  const place = placeOf(path);
  if (typeof place !== 'object' || place.kind !== 'record') return false;
  const ageMs = now.getTime() - committedAt.getTime();
  return lateMs(committedAt, place.name) > LATE_MS && ageMs >= 0 && ageMs <= TOLD_MS;
}

/** How long after its run began a record came. */
export function lateMs(committedAt: Date, name: Parameters<typeof startOfRun>[0]): number {
  return committedAt.getTime() - startOfRun(name).getTime();
}
