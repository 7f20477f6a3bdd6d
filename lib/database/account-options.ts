import { lstat } from 'node:fs/promises';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { explained } from '../system/explained.ts';
import { readRequired } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';
import { oneLine } from './account-name.ts';
import { nativeHash } from './native-hash.ts';
import { parseOptionFile } from './option-file-text.ts';

/** The backup account's option file as it is, compared with what it has to be. */
export interface AccountOptions {
  readonly action: 'create' | 'change' | null;
  /** What would change. No password in it. */
  readonly lines: readonly string[];
  /** Content now, one character a byte; empty when there is none. */
  readonly text: string;
  /** The password that stays, one character a byte; null when another has to be made, or none is wanted. */
  readonly password: string | null;
  /** Hash of the password that stays. */
  readonly hash: string | null;
  /** Hash of the password that goes. */
  readonly formerHash: string | null;
}

export type AccountHost = Pick<HostConfig, 'name' | 'database' | 'state'>;

const ABSENT: AccountOptions = {
  action: 'create',
  lines: [],
  text: '',
  password: null,
  hash: null,
  formerHash: null,
};
const MADE_HERE = '+password = (a random one, made on this host)';

/**
 * Looks at the option file. A password that somebody wrote there stays, unless others than the user of this process
 * could open the file: then it may be known. Throws `refused` for what is no plain file.
 */
export async function readAccountOptions({ database }: AccountHost): Promise<AccountOptions> {
  const { optionFile: path, account } = database;
  const wantsPassword = account.login === 'password';
  const user = `user = "${oneLine(account.user)}"`;
  const found = await lookAt(path);
  if (!found) return { ...ABSENT, lines: ['+[client]', `+${user}`, ...(wantsPassword ? [MADE_HERE] : [])] };
  const text = (await readRequired(path)).toString('latin1');
  const options = parseOptionFile(text);
  const former = options?.password;
  if (former !== undefined) learnSecret(Buffer.from(former, 'latin1'));
  const exposed = (found.mode & 0o077) !== 0 || found.uid !== process.geteuid?.();
  const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
  const keeps = wantsPassword && former !== undefined && !exposed;
  const why = exposed ? '(others could read it)' : '(not for a login by unix_socket)';
  const lines = [
    ...(mode === '0600' ? [] : [`-mode ${mode}`, '+mode 0600']),
    ...(found.uid === process.geteuid?.() ? [] : [`-owner ${found.uid}`, `+owner ${process.geteuid?.()}`]),
    ...(options ? [] : ['-(no option file: MariaDB could not read it)', '+[client]']),
    ...(options?.user === bytesOf(account.user) ? [] : [...oldUser(options?.user), `+${user}`]),
    ...(former === undefined || keeps ? [] : [`-password ${why}`]),
    ...(wantsPassword && !keeps ? [MADE_HERE] : []),
  ];
  const hashOf = (password: string) => nativeHash(Buffer.from(password, 'latin1'));
  return {
    action: lines.length === 0 ? null : 'change',
    lines,
    text,
    password: keeps ? former : null,
    hash: keeps ? hashOf(former) : null,
    formerHash: former === undefined || keeps ? null : hashOf(former),
  };
}

/** UTF-8 as one character a byte. */
export function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function oldUser(user: string | undefined): string[] {
  return user === undefined ? [] : [`-user = "${oneLine(Buffer.from(user, 'latin1').toString())}"`];
}

async function lookAt(path: string): Promise<{ mode: number; uid: number } | undefined> {
  const found = await lstat(path).catch((error: unknown) => {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw explained('look at', path, error);
  });
  if (!found || found.isFile()) return found;
  throw new CoffreError('refused', `cannot keep a password in ${path}: it is no plain file`, {
    hint: `move it away, or name another path in database.optionFile: ls -ld ${path}`,
  });
}
