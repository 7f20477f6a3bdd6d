import { CoffreError } from '../model/error.ts';
import { sleep } from '../system/clock.ts';
import type { Connection } from './connection.ts';
import { describeSource, readReplicaSources } from './replica-sources.ts';
import { Session } from './session.ts';
import { quoteString } from './sql-text.ts';

/** A transaction that is being applied is applied to its end first. */
const STOP_LIMIT_MS = 60_000;
/** A stop that was given up is still under way in the server, and it starts only after that. */
const START_LIMIT_MS = 120_000;

/**
 * Stops what applies the changes of these connections; receiving goes on. MUST be written down before, because this
 * process can be killed at any point. Throws `dump-failed` when a transaction keeps the server from it for too long.
 */
export async function stopAppliers(
  connection: Connection,
  names: readonly string[],
  limitMs = STOP_LIMIT_MS,
): Promise<void> {
  await inSession(connection, names, 'STOP', limitMs);
}

/**
 * Starts it again, and makes sure that it runs. A connection that is there no more is left. Throws `replica-broken` when
 * one does not run afterwards: then somebody has to look at it.
 */
export async function startAppliers(
  connection: Connection,
  names: readonly string[],
  limitMs = START_LIMIT_MS,
): Promise<void> {
  const there = new Set((await readReplicaSources(connection)).map(({ name }) => name));
  await inSession(
    connection,
    names.filter((name) => there.has(name)),
    'START',
    limitMs,
  );
  const giveUpAt = Date.now() + RUNNING_LIMIT_MS;
  for (;;) {
    const sources = await readReplicaSources(connection);
    const still = sources.find(({ name, applying }) => names.includes(name) && !applying);
    if (!still) return;
    if (still.applyError !== 0 || Date.now() > giveUpAt) {
      const why = still.applyError === 0 ? 'it does not run' : `it stops with error ${still.applyError}`;
      throw new CoffreError(
        'replica-broken',
        `cannot start the SQL thread for ${describeSource(still)} again: ${why}`,
        { hint: 'look at Last_SQL_Error of: SHOW ALL SLAVES STATUS; then run: START ALL SLAVES;' },
      );
    }
    await sleep(100);
  }
}

const RUNNING_LIMIT_MS = 5000;

async function inSession(
  connection: Connection,
  names: readonly string[],
  verb: 'START' | 'STOP',
  limitMs: number,
): Promise<void> {
  if (names.length === 0) return;
  const session = await Session.open(connection);
  try {
    for (const name of names) await session.execute(`${verb} SLAVE ${quoteString(name)} SQL_THREAD`, limitMs);
  } finally {
    await session.close();
  }
}
