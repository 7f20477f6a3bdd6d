import type { HostConfig } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';
import type { SftpOffsiteConfig } from '../model/offsite-config.ts';
import type { Objection } from './finding.ts';
import { tidy } from './host-rules.ts';

/** What a rule says against one host because of another. */
interface FleetObjection extends Objection {
  readonly host: HostName;
}

type FleetRule = (hosts: readonly HostConfig[]) => FleetObjection[];

/** Two hosts with one account could not be told apart by the server, nor could one of them be locked out alone. */
const duplicateAccount: FleetRule = (hosts) =>
  doubles(
    hosts.map((host) => ({
      host,
      steps: ['database', 'account'],
      key: JSON.stringify([serverOf(host), host.database.account]),
    })),
    (other) => `${other} uses the same account on the same server`,
  );

/** Two hosts in one folder would remove each other's runs. */
const duplicateOffsite: FleetRule = (hosts) =>
  doubles(
    hosts.flatMap((host) =>
      host.offsite.map((offsite, index) =>
        offsite.kind === 'rclone'
          ? { host, steps: ['offsite', index, 'remote'], key: JSON.stringify(['rclone', offsite.remote]) }
          : { host, steps: ['offsite', index, 'path'], key: folderAt(offsite) },
      ),
    ),
    (other) => `${other} keeps its runs in the same folder of the same server`,
  );

function folderAt({ address, port, user, path }: SftpOffsiteConfig): string {
  return JSON.stringify([address.toLowerCase(), port, user, tidy(path)]);
}

/** A mounted volume can be the same one on both hosts, and then they would remove each other's runs. */
const sharedStore: FleetRule = (hosts) =>
  doubles(
    hosts
      .filter(({ store }) => store.mount !== 'none')
      .map((host) => ({
        host,
        steps: ['store', 'path'],
        key: JSON.stringify([host.store.mount, tidy(host.store.path)]),
      })),
    (other) => `${other} has the same path on a mounted volume; give each host a folder of its own there`,
  );

/** An account is made on the server at the top, and replication takes it down from there. */
const replicaOf: FleetRule = (hosts) => {
  const byName = new Map(hosts.map((host) => [host.name, host]));
  return hosts.flatMap((host) => {
    const { replicaOf: name } = host.database;
    if (name === undefined) return [];
    const say = (message: string) => [{ host: host.name, steps: ['database', 'replicaOf'], message }];
    if (name === host.name) return say('a server is no replica of itself');
    const primary = byName.get(name);
    if (!primary) return say(`there is no hosts/${name}.yaml`);
    return primary.database.replicaOf === undefined ? [] : say(`${name} is a replica itself: name its primary`);
  });
};

/**
 * Replication gives one account to all servers of a primary. With a password for each host, all but the last would be
 * locked out; without one, the system user of that name is let in everywhere.
 */
const replicaAccount: FleetRule = (hosts) => {
  const first = new Map<string, HostConfig>();
  return hosts.flatMap((host) => {
    const { account, replicaOf: primary = host.name } = host.database;
    const key = JSON.stringify([primary, account.user, account.from.toLowerCase()]);
    const other = first.get(key);
    if (other === undefined) first.set(key, host);
    if (other === undefined || [host, other].every(({ database }) => database.account.login === 'unix_socket'))
      return [];
    const message = `${other.name} has the same account, and replication makes one of the two; give each host its own`;
    return [{ host: host.name, steps: ['database', 'account'], message }];
  });
};

/** Rules that compare hosts, by name. */
export const FLEET_RULES: Readonly<Record<string, FleetRule>> = {
  'duplicate-account': duplicateAccount,
  'duplicate-offsite': duplicateOffsite,
  'replica-account': replicaAccount,
  'replica-of': replicaOf,
  'shared-store': sharedStore,
};

function serverOf({ database, ssh, name }: HostConfig): readonly (string | number)[] {
  if ('socket' in database) return [ssh?.address.toLowerCase() ?? name, ssh?.port ?? 22, tidy(database.socket)];
  return [database.address.toLowerCase(), database.port];
}

interface Claim {
  readonly host: HostConfig;
  readonly steps: Objection['steps'];
  readonly key: string;
}

/** Every claim but the first on the same thing. */
function doubles(claims: readonly Claim[], message: (other: string) => string): FleetObjection[] {
  const first = new Map<string, string>();
  return claims.flatMap(({ host, steps, key }) => {
    const other = first.get(key);
    if (other === undefined) first.set(key, host.name);
    return other === undefined ? [] : [{ host: host.name, steps, message: message(other) }];
  });
}
