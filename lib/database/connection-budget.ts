import { CoffreError } from '../model/error.ts';

/** What a server tells about its connections, and those of the account that asks. */
export interface ConnectionFacts {
  readonly maxConnections: number;
  /** Without the one that asks: it is gone when the first dump begins. */
  readonly usedConnections: number;
  /** What this account may have at a time: `MAX_USER_CONNECTIONS` of the account or `max_user_connections`; 0 for no limit. */
  readonly accountLimit: number;
  /** What this account has besides. */
  readonly accountConnections: number;
}

/** Connections that stay for others. */
const SPARE_CONNECTIONS = 3;

/**
 * How many dump programs can read rows at a time, beside the accounts' dump and the `sessions` that hold locks. Throws
 * `dump-failed`, with what mends it, when there is not even one.
 */
export function connectionBudget(facts: ConnectionFacts, sessions: number): number {
  const { maxConnections, usedConnections, accountLimit, accountConnections } = facts;
  const fixed = sessions + 1;
  const ofServer = maxConnections - usedConnections - SPARE_CONNECTIONS - fixed;
  const ofAccount = accountLimit === 0 ? Number.POSITIVE_INFINITY : accountLimit - accountConnections - fixed;
  const free = Math.min(ofServer, ofAccount);
  if (free >= 1) return free;
  if (ofAccount < ofServer) {
    const needed = accountConnections + fixed + 1;
    throw new CoffreError(
      'dump-failed',
      `cannot take one snapshot: ${needed} connections of the account are needed, and it may have ${accountLimit}`,
      {
        hint: `let it have ${needed} or more: ALTER USER … WITH MAX_USER_CONNECTIONS ${needed}; or max_user_connections`,
      },
    );
  }
  const needed = fixed + 1 + SPARE_CONNECTIONS;
  throw new CoffreError(
    'dump-failed',
    `cannot take one snapshot: ${needed} connections are needed, and ` +
      `${Math.max(0, maxConnections - usedConnections)} of ${maxConnections} are free`,
    { hint: `run as an administrator: SET GLOBAL max_connections = ${needed + usedConnections};` },
  );
}
