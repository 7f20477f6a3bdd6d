import type { Primary } from '../database/seed-replica.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';

/** MariaDB's own port. */
const PORT = 3306;

/**
 * The server that a replica of the run of `host` follows: the one that is named, as ADDRESS or ADDRESS:PORT, or else by the
 * inventory the primary of that host's server, or that server itself. Throws `usage` when neither says where it is.
 */
export function primaryOf(
  host: HostConfig,
  { hosts }: Inventory,
  named: string | undefined,
  ca: string | undefined,
): Primary {
  const place = named === undefined ? placeOf(host, hosts) : parsePlace(named);
  if (place) return { ...place, ca: ca ?? null };
  throw new CoffreError('usage', `cannot tell where the primary is: the inventory does not say it`, {
    hint: 'name it: --primary ADDRESS, or ADDRESS:PORT',
  });
}

type Place = Pick<Primary, 'address' | 'port'>;

function placeOf(host: HostConfig, hosts: Inventory['hosts']): Place | undefined {
  const { replicaOf } = host.database;
  const primary = replicaOf === undefined ? host : hosts.get(replicaOf);
  if (!primary) return undefined;
  if ('address' in primary.database) return { address: primary.database.address, port: primary.database.port };
  return primary.ssh && { address: primary.ssh.address, port: PORT };
}

function parsePlace(text: string): Place {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9][A-Za-z0-9._-]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  if (address !== undefined && Number(port ?? PORT) <= 65535) return { address, port: Number(port ?? PORT) };
  throw new CoffreError('usage', 'cannot read --primary', {
    hint: 'such as --primary 10.0.0.1, 10.0.0.1:3307 or [fd00::1]:3306',
  });
}
