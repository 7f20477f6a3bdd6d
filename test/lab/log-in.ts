import { readFileSync } from 'node:fs';
import { connectSsh, type SshConnection } from '../../lib/system/ssh.ts';
import type { Lab } from './lab.ts';

/** Connects as control does: with its key, to the pinned host key. */
export function logIn(lab: Lab, name: string, user = 'root', identityOf = user): Promise<SshConnection> {
  const { address, port, hostKey } = lab.host(name);
  return connectSsh({
    address,
    port,
    user,
    hostKey,
    identity: readFileSync(lab.identityPath(identityOf)),
    unreachable: 'offsite-unreachable',
    readyTimeoutMs: 2000,
  });
}
