import * as z from 'zod';
import { type Clock, sleep, systemClock } from '../system/clock.ts';
import { query } from './client.ts';
import type { Connection } from './connection.ts';
import type { ReplicaSource } from './replica-sources.ts';
import { quoteString } from './sql-text.ts';
import { assertMayRun, isRunning, readFollowing, WAIT_MS } from './start-following.ts';

/**
 * How far a new replica has come. `caught-up`: it has what the primary had written when it began to follow, and more.
 * `quiet`: where the primary's place is not known, it has applied all that has come, and nothing has come for a while.
 * `behind`: not within the time that it was waited for; it goes on.
 */
export interface CaughtUp {
  readonly kind: 'caught-up' | 'quiet' | 'behind';
  /** As the server tells it: 0 also while it has nothing to apply, though the primary may be far ahead. */
  readonly lagSeconds: number | null;
}

export interface CatchUpOptions {
  /** Where the primary was, as a GTID; undefined where nobody could ask, or where the replica's GTID is not of the whole. */
  readonly goal: string | undefined;
  /** Called now and then while it is behind. */
  readonly progress?: (at: string, source: ReplicaSource) => void;
  readonly signal?: AbortSignal | undefined;
  /** How long it is waited for altogether, and while nothing is seen to move. */
  readonly patienceMs?: number;
  readonly standstillMs?: number;
  readonly clock?: Clock;
}

const PATIENCE_MS = 5 * 60_000;
const STANDSTILL_MS = 60_000;
const PROGRESS_MS = 10_000;
const QUIET_MS = 3000;
const LOOK_MS = 500;

const Reached = z.object({ reached: z.int().nullable(), gtid: z.string() });

/**
 * Waits until a server that follows has caught up. `Seconds_Behind_Master` alone says nothing of that: it is 0 as long as
 * nothing has been received. Throws `replica-broken` when a thread ends with an error, or the primary stays away; and
 * the reason of `signal`.
 */
export async function catchUp(connection: Connection, options: CatchUpOptions): Promise<CaughtUp> {
  const { goal, progress, signal, patienceMs = PATIENCE_MS, standstillMs = STANDSTILL_MS } = options;
  const now = () => (options.clock ?? systemClock).now().getTime();
  const from = now();
  let moved = { at: from, place: '' };
  let ranAt = from;
  let told = from;
  for (;;) {
    signal?.throwIfAborted();
    // Waits for a moment by itself, where there is a goal: 0 says that it was reached, -1 that it was not.
    const asked = goal === undefined ? 'NULL' : `MASTER_GTID_WAIT(${quoteString(goal)}, ${LOOK_MS / 1000})`;
    const [look] = await query(
      connection,
      `SELECT JSON_OBJECT('reached', ${asked}, 'gtid', @@GLOBAL.gtid_slave_pos)`,
      Reached,
    );
    const source = await readFollowing(connection);
    const { lagSeconds } = source;
    if (isRunning(source)) ranAt = now();
    else assertMayRun(source, now() - ranAt > WAIT_MS);
    if (look?.reached === 0) return { kind: 'caught-up', lagSeconds };
    const place = placeOf(source, look?.gtid ?? '');
    if (place !== moved.place) moved = { at: now(), place };
    const still = now() - moved.at;
    if (goal === undefined && still >= QUIET_MS && hasAppliedAll(source)) return { kind: 'quiet', lagSeconds };
    if (still >= standstillMs || now() - from >= patienceMs) return { kind: 'behind', lagSeconds };
    if (now() - told >= PROGRESS_MS) {
      told = now();
      progress?.(look?.gtid ?? '', source);
    }
    if (goal === undefined) await sleep(LOOK_MS, signal);
  }
}

/** All by which it can be seen that something goes on. */
function placeOf({ file, position, receivedFile, receivedPosition }: ReplicaSource, gtid: string): string {
  return `${gtid} ${file}:${position} ${receivedFile}:${receivedPosition}`;
}

function hasAppliedAll(source: ReplicaSource): boolean {
  const { file, position, receivedFile, receivedPosition } = source;
  return isRunning(source) && file !== '' && file === receivedFile && position === receivedPosition;
}
