import type { AccountOrder } from '../model/account-order.ts';
import { CoffreError } from '../model/error.ts';
import type { Resource } from '../model/plan.ts';
import { accountName } from './account-name.ts';
import { type AccountHost, readAccountOptions } from './account-options.ts';
import { adminConnection } from './admin-connection.ts';
import { carryOutOrder, planOrder } from './carry-out-order.ts';
import type { WantedAccount } from './plan-account.ts';
import { privilegesFor } from './privileges.ts';

/** The backup account on this host's own server, which must take writes. For a replica see `replicatedAccount`. */
export function backupAccount(host: AccountHost): Resource {
  return accountResource(host, host, (want) => readWanted(host, want), 'present');
}

/** Drops the backup account if this host made it; an account of somebody else is left. */
export function absentAccount(host: AccountHost): Resource {
  return accountResource(host, host, (want) => readWanted(host, want), 'absent');
}

/**
 * An account that another host, a replica of this one, needs here, or needs no more. `host` is the primary's own: it has
 * the server, the administrator, and the state folder that remembers the account as made by coffre.
 */
export function accountFromOrder(order: AccountOrder, host: AccountHost): Resource {
  return accountResource(host, order, async () => order, order.want);
}

function accountResource(
  host: AccountHost,
  named: AccountHost | AccountOrder,
  readOrder: (want: AccountOrder['want']) => Promise<WantedAccount>,
  want: AccountOrder['want'],
): Resource {
  const id = 'database' in named ? named.database.account : named;
  const identity = { kind: 'account', name: accountName(id) } as const;
  const place = async () => {
    const { formerHash } = await readAccountOptions(host);
    const own = named === host && formerHash !== null ? [formerHash] : [];
    const isOwn = named === host;
    return { admin: adminConnection(host.database), state: host.state.path, knownHashes: own, isOwn };
  };
  return {
    ...identity,
    async inspect() {
      const plan = await planOrder(await readOrder(want), await place());
      if (!plan) return undefined;
      return { ...identity, action: plan.action, lines: [...plan.lines] };
    },
    async apply() {
      await carryOutOrder(assertComplete(await readOrder(want), host), await place());
    },
  };
}

/** The account by the inventory and the option file; its hash is null while the password is not made yet. */
export async function readWanted(host: AccountHost, want: AccountOrder['want']): Promise<WantedAccount> {
  const { account } = host.database;
  const privileges = [...privilegesFor(host.database)];
  const base = {
    host: host.name,
    user: account.user,
    from: account.from,
    tls: 'address' in host.database,
    want,
    privileges,
  };
  if (account.login === 'unix_socket') return { ...base, login: 'unix_socket' };
  const { hash, formerHash } = await readAccountOptions(host);
  return { ...base, login: 'password', hash: hash ?? (want === 'absent' ? formerHash : null) };
}

/** Throws `not-found` when the password is not there yet: the option file comes before the account. */
export function assertComplete(wanted: WantedAccount, { database }: AccountHost): AccountOrder {
  if (wanted.login === 'unix_socket' || wanted.hash !== null) return wanted as AccountOrder;
  // Dropping needs no password: by what the account is known as ours has been decided before.
  if (wanted.want === 'absent') return { ...wanted, hash: NO_PASSWORD };
  throw new CoffreError('not-found', `cannot make the account ${accountName(wanted)}: it has no password yet`, {
    hint: `the option file comes first: ${database.optionFile}`,
  });
}

/** In the form of a hash, and that of no password. */
export const NO_PASSWORD = `*${'0'.repeat(40)}`;
