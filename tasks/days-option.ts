import type { Validity } from '../lib/flow/keys.ts';
import { CoffreError } from '../lib/model/error.ts';
import { systemClock } from '../lib/system/clock.ts';
import { textOf } from './run-task.ts';
import type { TaskContext } from './task.ts';

/** A century: beyond that the date is a slip of the hand. */
const MOST_DAYS = 36_525;

/** How long a new key is to be used, by `--days`; undefined for one that does not end. Throws `usage`. */
export function validityOf(values: TaskContext['values']): Validity | undefined {
  const named = textOf(values, 'days');
  if (named === undefined) return undefined;
  const days = /^[1-9]\d{0,5}$/.test(named) ? Number(named) : Number.NaN;
  if (days <= MOST_DAYS) return { from: systemClock.now(), days };
  throw new CoffreError('usage', 'cannot read --days', { hint: `a number of days up to ${MOST_DAYS}: --days 730` });
}
