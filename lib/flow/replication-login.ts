import { stat } from 'node:fs/promises';
import { parseOptionFile } from '../database/option-file-text.ts';
import type { ReplicationLogin } from '../database/seed-replica.ts';
import { CoffreError } from '../model/error.ts';
import { readRequired } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';
import { readSecrets } from '../system/secrets.ts';

export interface LoginSources {
  /** An option file of mode 0600 with user and password. */
  readonly optionFile: string | undefined;
  /** A .env file that may have REPLICATION_USER and REPLICATION_PASSWORD. */
  readonly secretsPath: string;
  /** The user whose password is asked for. */
  readonly user: string | undefined;
  /** Asks on the terminal; undefined where there is none. */
  readonly ask: ((prompt: string) => Promise<string>) | undefined;
}

/**
 * The account by which a replica logs in at its primary: from the option file where one is named, else from the .env
 * file, else asked for. Never from the command line. Throws `usage` where nothing says it, `refused` for an option
 * file that others can read.
 */
export async function readReplicationLogin({
  optionFile,
  secretsPath,
  user,
  ask,
}: LoginSources): Promise<ReplicationLogin> {
  if (optionFile !== undefined) return await fromOptionFile(optionFile);
  const secrets = await readSecrets(secretsPath);
  const named = user ?? secrets.optional('REPLICATION_USER');
  const password = secrets.optional('REPLICATION_PASSWORD');
  if (named !== undefined && password !== undefined) return { user: named, password };
  if (named !== undefined && ask) {
    const typed = await ask(`Password of ${named} at the primary`);
    if (typed !== '') return { user: named, password: typed };
  }
  throw new CoffreError('usage', 'cannot log in at the primary: no user and password for replication', {
    hint: `--replication-file FILE (mode 0600, [client], user and password), or REPLICATION_USER and REPLICATION_PASSWORD in ${secretsPath}, or --replication-user NAME on a terminal`,
  });
}

async function fromOptionFile(path: string): Promise<ReplicationLogin> {
  const content = await readRequired(path);
  if (((await stat(path)).mode & 0o077) !== 0) {
    throw new CoffreError('refused', `cannot use the option file ${path}: others than its owner can open it`, {
      hint: `run: chmod 0600 ${path}`,
    });
  }
  const { user, password } = parseOptionFile(content.toString('latin1')) ?? {};
  if (password !== undefined) learnSecret(Buffer.from(password, 'latin1'));
  const utf8 = (text: string) => Buffer.from(text, 'latin1').toString('utf8');
  if (user !== undefined && password !== undefined) return { user: utf8(user), password: utf8(password) };
  throw new CoffreError('usage', `cannot log in at the primary: ${path} has no user and password`, {
    hint: `write [client], user= and password= into ${path}, quoted`,
  });
}
