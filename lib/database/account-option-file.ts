import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type { Resource } from '../model/plan.ts';
import { exists, makeFolder, removeDurably, writeDurably } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';
import { accountName } from './account-name.ts';
import { type AccountHost, bytesOf, readAccountOptions } from './account-options.ts';
import { accountRecordPath, readAccountRecord, writeAccountRecord } from './account-record.ts';
import { withClientOptions } from './option-file-text.ts';

const PASSWORD_BYTES = 32;

/** The option file with the password of the backup account, which is made here and stands nowhere else. */
export function accountOptionFile(host: AccountHost): Resource {
  const { optionFile: path, account } = host.database;
  const identity = { kind: 'option-file', name: path } as const;
  return {
    ...identity,
    async inspect() {
      const { action, lines } = await readAccountOptions(host);
      return action ? { ...identity, action, lines: [...lines] } : undefined;
    },
    async apply() {
      const { text, password, formerHash } = await readAccountOptions(host);
      if (formerHash !== null) {
        // The account still has this password when the process is killed after the next line: it stays known as ours.
        const record = await readAccountRecord(host.state.path, account);
        await writeAccountRecord(host.state.path, {
          user: account.user,
          from: account.from,
          made: record?.made ?? false,
          formerHash,
          neededBy: record?.neededBy ?? [],
        });
      }
      const next = withClientOptions(text, {
        user: bytesOf(account.user),
        password: account.login === 'password' ? (password ?? randomPassword()) : undefined,
      });
      await makeFolder(dirname(path));
      await writeDurably(path, Buffer.from(next, 'latin1'), 0o600); // a new file: owner and mode are right from the start
    },
  };
}

/**
 * Takes away the option file, after the account itself and never before: by it the account is known as ours. Also what
 * is remembered of an account that was never made.
 */
export function absentOptionFile(host: AccountHost): Resource {
  const { optionFile: path, account } = host.database;
  const identity = { kind: 'option-file', name: path } as const;
  const leftOver = async () => {
    const record = await readAccountRecord(host.state.path, account);
    const useless = record && !record.made ? [accountRecordPath(host.state.path, account)] : [];
    return [...((await exists(path)) ? [path] : []), ...useless];
  };
  return {
    ...identity,
    async inspect() {
      const lines = (await leftOver()).map((each) => `-${each}`);
      if (lines.length === 0) return undefined;
      const { replicaOf } = host.database;
      // Control has that done while this file is still there.
      const there = ` on ${replicaOf}, unless another host needs it: the account ${accountName(account)} and its record go`;
      return { ...identity, action: 'remove', lines: replicaOf === undefined ? lines : [there, ...lines] };
    },
    async apply() {
      for (const each of await leftOver()) await removeDurably(each);
    },
  };
}

/** Whether a password has the form of those that are made here. */
export function isMadePassword(password: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(password);
}

function randomPassword(): string {
  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  learnSecret(password);
  return password;
}
