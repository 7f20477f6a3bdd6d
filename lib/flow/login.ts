import { homedir } from 'node:os';
import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';
import { readIfPresent, readRequired } from '../system/files.ts';
import type { SshTarget } from '../system/ssh.ts';

/** With which key control logs in to a host. */
export type Login = (ssh: NonNullable<HostConfig['ssh']>) => Promise<SshTarget['identity']>;

/**
 * The key that was named on the command line, else the inventory's for that host, else the operator's SSH agent, else
 * ~/.ssh/id_ed25519. Throws `not-found` when there is none of them.
 */
export function operatorLogin(named: string | undefined, agentSocket: string | undefined): Login {
  return async ({ identity }) => {
    const path = named ?? identity;
    if (path !== undefined)
      return await readRequired(path.replace(/^~(?=\/)/, homedir()), 'name another with --identity');
    if (agentSocket !== undefined) return { agentSocket };
    const own = join(homedir(), '.ssh', 'id_ed25519');
    const key = await readIfPresent(own);
    if (key) return key;
    throw new CoffreError('not-found', `cannot log in anywhere: there is no SSH agent and no key ${own}`, {
      hint: 'name a key with --identity, or start an agent: eval $(ssh-agent); ssh-add',
    });
  };
}
