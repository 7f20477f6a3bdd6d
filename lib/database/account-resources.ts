import type { Resource } from '../model/plan.ts';
import { absentOptionFile, accountOptionFile } from './account-option-file.ts';
import type { AccountHost } from './account-options.ts';
import { absentAccount, backupAccount } from './backup-account.ts';
import { replicatedAccount } from './replicated-account.ts';
import { systemUser } from './system-user.ts';

/**
 * All that a host needs to take backups with an account of its own, in the order in which it is made. On a replica
 * (`database.replicaOf`) the primary carries out `primaryAccountOrder` after the option file and before the account.
 */
export function accountResources(host: AccountHost): readonly Resource[] {
  const user = systemUser(host);
  const account = host.database.replicaOf === undefined ? backupAccount(host) : replicatedAccount(host);
  return [...(user ? [user] : []), accountOptionFile(host), account];
}

/** What takes it all away again. On a replica the account itself is up to the primary, and comes first. */
export function absentAccountResources(host: AccountHost): readonly Resource[] {
  const account = host.database.replicaOf === undefined ? [absentAccount(host)] : [];
  return [...account, absentOptionFile(host)];
}
