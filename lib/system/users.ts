import { userInfo } from 'node:os';
import { CoffreError } from '../model/error.ts';
import { run, type SystemUser } from './command.ts';
import { requireProgram } from './programs.ts';

/** What `useradd` of every distribution takes. */
const NAME = /^[a-z_][a-z0-9_-]{0,31}$/;
const NOT_FOUND = 2;

/** The user named `name`, wherever this machine keeps its users: passwd, LDAP, systemd; undefined when there is none. */
export async function findSystemUser(name: string): Promise<SystemUser | undefined> {
  if (/^\d*$/.test(name)) return undefined; // getent would take it for the number of a user
  const { exitCode, stdout } = await run(requireProgram('getent'), ['passwd', '--', name]);
  if (exitCode === NOT_FOUND) return undefined;
  const [, , uid = '', gid = ''] = stdout.split(':');
  if (exitCode !== 0 || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) {
    throw new CoffreError('unexpected', `cannot look up the user ${name}: getent gave no entry of it`, {
      hint: `run: getent passwd ${name}`,
    });
  }
  return { name, uid: Number(uid), gid: Number(gid) };
}

/** Throws `inventory` for what cannot be the name of a system user. */
export function assertUserName(name: string): void {
  if (NAME.test(name)) return;
  throw new CoffreError('inventory', `cannot use ${JSON.stringify(name)} as a system user: it is no name of one`, {
    hint: 'a name has lower-case letters, digits, hyphens and underscores, and begins with a letter',
  });
}

/** The name of the user of this process; undefined when the machine knows none, as for a bare number in a container. */
export function processUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
