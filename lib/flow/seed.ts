import { type CaughtUp, catchUp } from '../database/catch-up.ts';
import type { Connection } from '../database/connection.ts';
import { readPrimaryGtid } from '../database/primary-position.ts';
import { followPrimary, type Primary, type ReplicationLogin, silenceEvents } from '../database/seed-replica.ts';
import { startFollowing } from '../database/start-following.ts';
import type { Emit } from '../model/event.ts';
import type { SeedPlan } from './plan-seed.ts';

/** That a restored server is to become a replica. */
export interface SeedWish {
  readonly primary: Primary;
  /** Called once, before anything is loaded. Throws when there is none. */
  readonly login: () => Promise<ReplicationLogin>;
}

/** Before anything is loaded: what somebody should know who makes a replica of this run. */
export function tellSeedPlan({ notPointInTime, primary, readOnly }: SeedPlan, subject: string, emit: Emit): void {
  const warn = (text: string, hint: string) => emit({ kind: 'warning', subject, text, hint });
  if (notPointInTime.length > 0)
    warn(
      `tables without transactions may have rows that come once more by replication: ${notPointInTime.join(', ')}`,
      'if it stops with error 1062, make that table anew; better give it a transactional engine: ALTER TABLE … ENGINE=InnoDB',
    );
  if (primary.ca === null && !['localhost', '127.0.0.1', '::1'].includes(primary.address))
    warn(
      'what comes from the primary is not encrypted on its way',
      'name the authority of its certificate: --primary-ca FILE',
    );
  if (!readOnly)
    warn(
      'the server takes writes from everybody',
      'run there, and set it in its option file: SET GLOBAL read_only = 1;',
    );
}

/**
 * The last step of a restore: after everything has been loaded and compared, and without a word in the server's own log.
 * Waits until the server has caught up, or for as long as there is sense in it: replication goes on without it.
 */
export async function seed(
  target: Connection,
  plan: SeedPlan,
  login: ReplicationLogin,
  { subject, emit, signal }: { readonly subject: string; readonly emit: Emit; readonly signal: AbortSignal },
): Promise<CaughtUp> {
  const events = await silenceEvents(target);
  if (events > 0)
    emit({ kind: 'note', subject, text: `${events} events do not run here, but on the primary (DISABLE ON SLAVE)` });
  await followPrimary(target, plan.primary, login, plan.start);
  await startFollowing(target);
  // By file and position it may never learn of transactions that are older than where it began, which the GTID counts.
  const goal = plan.start.kind === 'gtid' ? await readPrimaryGtid(plan.primary, login) : undefined;
  emit({ kind: 'note', subject, text: 'all is restored, and replication runs: waiting until it has caught up' });
  const to = goal === undefined ? '' : ` of ${goal}`;
  return await catchUp(target, {
    goal,
    signal,
    progress: (at, { lagSeconds }) =>
      emit({ kind: 'note', subject, text: `catching up: at the GTID ${at}${to}, ${describeLag(lagSeconds)}` }),
  });
}

function describeLag(seconds: number | null): string {
  return seconds === null ? 'nobody knows how far behind' : `${seconds} s behind`;
}
