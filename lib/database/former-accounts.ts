import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccountOrder } from '../model/account-order.ts';
import { errnoOf } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import type { Resource } from '../model/plan.ts';
import { explained } from '../system/explained.ts';
import { readIfPresent } from '../system/files.ts';
import type { AccountId } from './account-name.ts';
import type { AccountHost } from './account-options.ts';
import { accountRecord } from './account-record.ts';
import { accountFromOrder, NO_PASSWORD } from './backup-account.ts';

const GONE = {
  tls: false,
  want: 'absent',
  privileges: [],
  login: 'password',
  hash: NO_PASSWORD,
} as const satisfies Partial<AccountOrder>;

/**
 * Accounts on the server of `host` that coffre made for `neededBy` under other names than `now`: after a change of name in the
 * inventory nobody takes backups with them any more, and they can still read everything. Each is dropped, unless another
 * host needs it.
 */
export async function formerAccounts(
  host: AccountHost,
  neededBy: HostName,
  now: AccountId,
): Promise<readonly Resource[]> {
  const folder = join(host.state.path, 'accounts');
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw explained('look at', folder, error);
  });
  const records = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readIfPresent(join(folder, name))),
  );
  return records
    .flatMap((content) => (content && accountRecord(content)) ?? [])
    .filter(({ user, from, neededBy: hosts }) => hosts.includes(neededBy) && (user !== now.user || from !== now.from))
    .map(({ user, from }) => accountFromOrder({ ...GONE, host: neededBy, user, from }, host));
}
