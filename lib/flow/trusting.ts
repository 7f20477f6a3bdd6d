import type { Connection } from '../database/connection.ts';
import { CreatorTrust, endTrust } from '../database/creator-trust.ts';
import { asCoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';

export interface TrustWish {
  readonly target: Connection;
  /** Whether the server has to be told to take functions and triggers. */
  readonly trusts: boolean;
  /** Whether a restore that was killed has left it so. */
  readonly left: boolean;
  /** Whom a note is about. */
  readonly subject: string;
  readonly emit: Emit;
}

/**
 * Does the work with the server set to take functions and triggers, where that is needed, and sets it back. What a restore that
 * was killed has left of that is set back first, and told.
 */
export async function trusting<T>(wish: TrustWish, work: () => Promise<T>): Promise<T> {
  const { target, trusts, left, subject, emit } = wish;
  if (left) await setBack(wish, () => endTrust(target), 'an earlier restore that was cut short had left it at 1: ');
  if (!trusts) return await work();
  const trust = await CreatorTrust.begin(target);
  const text = 'log_bin_trust_function_creators is 1 while functions and triggers are loaded, and then 0 again';
  emit({ kind: 'note', subject, text });
  try {
    return await work();
  } finally {
    await setBack(wish, () => trust.end());
  }
}

/** Nothing fails for the sake of a setting; but nobody is left in the dark about it. `was`: what it is told with. */
async function setBack({ subject, emit }: TrustWish, act: () => Promise<unknown>, was?: string): Promise<void> {
  const name = 'log_bin_trust_function_creators';
  try {
    const done = await act();
    if (was !== undefined && done === true) emit({ kind: 'note', subject, text: `${name}: ${was}it is 0 again` });
  } catch (error) {
    const text = `${name}: ${was ?? ''}it could not be set back to 0: ${asCoffreError(error).message}`;
    emit({ kind: 'warning', subject, text, hint: `run as an administrator: SET GLOBAL ${name} = 0;` });
  }
}
