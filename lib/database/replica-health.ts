import * as z from 'zod';
import type { DatabaseConfig } from '../model/database-config.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import { query } from './client.ts';
import { type Connection, describeServer } from './connection.ts';
import { describeSource, type ReplicaSource, readReplicaSources } from './replica-sources.ts';

/** What the inventory says of a server that may be a replica. */
export type ReplicaWish = Pick<DatabaseConfig, 'replica' | 'replicaOf'>;

/** Behind by more than this a replica is not backed up, unless the inventory says otherwise. */
export const MAX_LAG_SECONDS = 300;

/**
 * Whom the server follows, having made sure that it does: none for a server that is no replica, and need not be one.
 * Throws `replica-lagging` beyond the limit, `replica-broken` when a thread stands still or the inventory calls a replica
 * what follows nobody, `account-lacks-privilege` when the server shows that it replicates, but not to this account.
 */
export async function assertFollowing(connection: Connection, wish: ReplicaWish): Promise<readonly ReplicaSource[]> {
  const sources = await sourcesAsShown(connection, wish);
  if (sources.length === 0 && isCalledReplica(wish)) throw followsNobody(connection, wish);
  const findings = sources.flatMap((source) => brokenness(source));
  const [first] = findings;
  if (first) {
    const message = `cannot back up from ${describeServer(connection)}: ${first.says}`;
    throw new CoffreError('replica-broken', message, { hint: first.hint, findings: findings.map(({ says }) => says) });
  }
  const limit = wish.replica?.maxLagSeconds ?? MAX_LAG_SECONDS;
  const late = sources.filter(({ lagSeconds }) => lagSeconds === null || lagSeconds > limit);
  const [latest] = late.toSorted((a, b) => (b.lagSeconds ?? Infinity) - (a.lagSeconds ?? Infinity));
  if (latest) throw lagging(connection, latest, limit);
  return sources;
}

/** Whether the inventory says that a server is a replica. */
export function isCalledReplica({ replica, replicaOf }: ReplicaWish): boolean {
  return replicaOf !== undefined || replica !== undefined;
}

async function sourcesAsShown(connection: Connection, wish: ReplicaWish): Promise<readonly ReplicaSource[]> {
  try {
    return await readReplicaSources(connection);
  } catch (error) {
    if (asCoffreError(error).code !== 'account-lacks-privilege') throw error;
    // Anybody may see whether a thread of a replica runs, and whether there has ever been one.
    const [sign] = await query(connection, SIGNS, Signs);
    if (!isCalledReplica(wish) && sign?.running === 0) return [];
    throw new CoffreError(
      'account-lacks-privilege',
      `cannot tell how far the replica lags: the account lacks SLAVE MONITOR on *.*`,
      {
        hint: isCalledReplica(wish)
          ? 'provision the host again'
          : 'this server is a replica: say so in the inventory, by database.replicaOf or database.replica, and provision the host',
        findings: ['SLAVE MONITOR'],
      },
    );
  }
}

const Signs = z.object({ running: z.coerce.number().int() });
const SIGNS = `SELECT JSON_OBJECT('running', (SELECT SUM(VARIABLE_VALUE = 'ON' OR VARIABLE_VALUE > 0)
  FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('SLAVE_RUNNING', 'SLAVES_RUNNING')))`;

interface Brokenness {
  readonly says: string;
  readonly hint: string;
}

/** A foreign error's text may hold rows: its number says what it is. */
function brokenness(source: ReplicaSource): readonly Brokenness[] {
  const { receiving, receiveError, applying, applyError } = source;
  const from = describeSource(source);
  const named = source.name === '' ? '' : ` '${source.name}'`;
  const status = `SHOW SLAVE${named} STATUS`;
  const found: Brokenness[] = [];
  if (!applying) {
    found.push(
      applyError === 0
        ? {
            says: `what comes from ${from} is not applied: its SQL thread is stopped`,
            hint: `run: START SLAVE${named};`,
          }
        : {
            says: `what comes from ${from} is not applied: its SQL thread has stopped with error ${applyError}`,
            hint: `look at Last_SQL_Error of: ${status}; the server's data is not the primary's any more`,
          },
    );
  }
  if (receiving === 'no') {
    const why = receiveError === 0 ? 'is stopped' : `has stopped with error ${receiveError}`;
    const hint = receiveError === 0 ? `run: START SLAVE${named};` : `look at Last_IO_Error of: ${status}`;
    found.push({ says: `nothing comes from ${from}: its IO thread ${why}`, hint });
  } else if (receiving === 'connecting') {
    const why = receiveError === 0 ? '' : `, error ${receiveError}`;
    found.push({
      says: `nothing comes from ${from}: its IO thread cannot connect${why}`,
      hint: `look whether that server is up, and at Last_IO_Error of: ${status}`,
    });
  }
  return found;
}

function followsNobody(connection: Connection, { replicaOf }: ReplicaWish): CoffreError {
  const whose = replicaOf === undefined ? 'a replica' : `the replica of ${replicaOf}`;
  const key = replicaOf === undefined ? 'database.replica' : 'database.replicaOf';
  return new CoffreError(
    'replica-broken',
    `cannot back up from ${describeServer(connection)} as ${whose}: it follows no other server`,
    {
      hint: `if it is to be a primary now, take ${key} out of the inventory; if not, let it follow one: CHANGE MASTER TO …`,
    },
  );
}

function lagging(connection: Connection, source: ReplicaSource, limit: number): CoffreError {
  const { lagSeconds, delaySeconds } = source;
  const how = lagSeconds === null ? 'by nobody knows how much' : `by ${lagSeconds} s`;
  const meant = delaySeconds > limit ? `, ${delaySeconds} s of it by MASTER_DELAY` : '';
  return new CoffreError(
    'replica-lagging',
    `cannot back up from ${describeServer(connection)}: it lags behind ${describeSource(source)} ${how}${meant}, and the limit is ${limit} s`,
    {
      hint:
        delaySeconds > limit
          ? `it is meant to lag: set database.replica.maxLagSeconds above ${delaySeconds}`
          : 'run the backup again once it has caught up, or look at what keeps it: SHOW FULL PROCESSLIST; the limit is database.replica.maxLagSeconds',
    },
  );
}
