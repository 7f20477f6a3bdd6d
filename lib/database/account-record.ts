import { join } from 'node:path';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { makeFolder, readIfPresent, removeDurably, sha256Of, writeDurably } from '../system/files.ts';
import type { AccountId } from './account-name.ts';

const AccountRecord = z.strictObject({
  user: z.string(),
  from: z.string(),
  /** Whether this host made the account, or took it over with its password. */
  made: z.boolean(),
  /** Hash of the password before the one in the option file, for the moment in which only the file has the new one. */
  formerHash: z.string().optional(),
  /** Hosts that take backups with it. An account without a password can serve a primary and its replicas. */
  neededBy: z.array(z.string()),
});
export type AccountRecord = z.infer<typeof AccountRecord>;

/**
 * What a host remembers of an account that it made: by this it knows the account as its own when somebody has changed
 * it. One file an account in the state folder, because a primary makes those of its replicas, too.
 */
export function accountRecordPath(state: string, { user, from }: AccountId): string {
  return join(state, 'accounts', `${sha256Of(JSON.stringify([user, from])).slice(0, 16)}.json`);
}

/** A record by its content; undefined for what is none. */
export function accountRecord(content: Buffer): AccountRecord | undefined {
  try {
    return AccountRecord.safeParse(JSON.parse(content.toString())).data;
  } catch {
    return undefined;
  }
}

/** undefined when there is none. Throws `verification-failed` for a file that is no record. */
export async function readAccountRecord(state: string, id: AccountId): Promise<AccountRecord | undefined> {
  const path = accountRecordPath(state, id);
  const content = await readIfPresent(path);
  if (!content) return undefined;
  try {
    const record = AccountRecord.parse(JSON.parse(content.toString()));
    return record.user === id.user && record.from === id.from ? record : undefined;
  } catch (error) {
    throw new CoffreError('verification-failed', `cannot read ${path}: it is no record of an account`, {
      hint: `remove it, and the account with it if this host made it: rm ${path}`,
      cause: error,
    });
  }
}

export async function writeAccountRecord(state: string, record: AccountRecord): Promise<void> {
  const path = accountRecordPath(state, record);
  const content = `${JSON.stringify(record)}\n`;
  if ((await readIfPresent(path))?.toString() === content) return;
  await makeFolder(state, 0o700);
  await makeFolder(join(state, 'accounts'), 0o700);
  await writeDurably(path, content, 0o600);
}

export async function removeAccountRecord(state: string, id: AccountId): Promise<void> {
  await removeDurably(accountRecordPath(state, id));
}
