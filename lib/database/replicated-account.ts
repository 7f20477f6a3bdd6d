import type { AccountOrder } from '../model/account-order.ts';
import { CoffreError } from '../model/error.ts';
import type { Resource } from '../model/plan.ts';
import { type Clock, sleep, systemClock } from '../system/clock.ts';
import { accountName } from './account-name.ts';
import type { AccountHost } from './account-options.ts';
import { adminConnection } from './admin-connection.ts';
import { assertComplete, readWanted } from './backup-account.ts';
import { planAccount } from './plan-account.ts';
import { readAccount } from './read-account.ts';
import { describePrimaries, type ReplicaState, replicaState } from './replica-state.ts';

/**
 * What the agent of a replica asks of the agent of its primary. The option file has to be there: throws `not-found`
 * while it has no password.
 */
export async function primaryAccountOrder(host: AccountHost, want: AccountOrder['want']): Promise<AccountOrder> {
  return assertComplete(await readWanted(host, want), host);
}

interface Waiting {
  readonly waitMs?: number;
  readonly clock?: Clock;
}

const WAIT_MS = 30_000;

/**
 * The backup account on a replica, where `database.replicaOf` names the primary. Nothing is ever written here: a change
 * is carried out by `accountFromOrder` on the primary, with `primaryAccountOrder`, and BEFORE `apply`, which waits until
 * replication has brought it. Its removal is all the primary's: an account may stay there for others. Throws `refused` when the server follows nobody, `database-unreachable` when nothing comes.
 */
export function replicatedAccount(host: AccountHost, waiting: Waiting = {}): Resource {
  const { database } = host;
  const identity = { kind: 'account', name: accountName(database.account) } as const;
  const { waitMs = WAIT_MS, clock = systemClock } = waiting;
  const plan = async () => {
    const wanted = await readWanted(host, 'present');
    return planAccount(wanted, (await readAccount(adminConnection(database), wanted)).account);
  };
  return {
    ...identity,
    async inspect() {
      const state = await replicaState(adminConnection(database));
      assertFollows(state, host);
      const change = await plan();
      if (!change) return undefined;
      const { replicaOf } = database;
      const where = ` written on ${replicaOf} (${describePrimaries(state)}), not here; replication brings it`;
      const also = `+a record of it in the state folder of ${replicaOf}`;
      return { ...identity, action: change.action, lines: [where, ...change.lines, also] };
    },
    async apply() {
      const giveUpAt = clock.now().getTime() + waitMs;
      while (await plan()) {
        if (clock.now().getTime() > giveUpAt) throw await late(host, identity.name, waitMs);
        await sleep(200);
      }
    },
  };
}

function assertFollows({ primaries }: ReplicaState, { database }: AccountHost): void {
  if (primaries.length > 0) return;
  throw new CoffreError(
    'refused',
    `cannot make the account on ${database.replicaOf}: this server is no replica of it`,
    {
      hint: 'take database.replicaOf out of the inventory, or look at: SHOW ALL SLAVES STATUS',
    },
  );
}

async function late({ database }: AccountHost, name: string, waitMs: number): Promise<CoffreError> {
  const { primaries } = await replicaState(adminConnection(database));
  const stands = primaries.some(({ running }) => !running);
  const why = stands ? 'replication stands still' : `replication has not brought it within ${waitMs / 1000} s`;
  return new CoffreError('database-unreachable', `cannot see the account ${name} as it has to be: ${why}`, {
    hint: 'look at: SHOW ALL SLAVES STATUS; then provision this host again',
  });
}
