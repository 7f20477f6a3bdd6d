import { posix } from 'node:path';
import type { HostConfig } from '../model/inventory.ts';
import { type OffsiteConfig, sftpOffsites } from '../model/offsite-config.ts';

/**
 * Where the other hosts of the inventory keep their runs on the server of this `offsite`: what its account must not be
 * able to read. A path that is the same in two accounts says nothing, because each has a root of its own.
 */
export function otherFolders(hosts: Iterable<HostConfig>, offsite: OffsiteConfig): readonly string[] {
  if (offsite.kind !== 'sftp') return [];
  const own = posix.resolve('/', offsite.path);
  const there = [...hosts]
    .flatMap((host) => sftpOffsites(host.offsite))
    .filter(({ address, port }) => address === offsite.address && port === offsite.port)
    .map(({ path }) => posix.resolve('/', path));
  return [...new Set(there)].filter((path) => path !== own).sort();
}
