import type { HostConfig } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';
import { type Objection, tidy } from './host-rules.ts';

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
      host.offsite.map(({ address, port, user, path }, index) => ({
        host,
        steps: ['offsite', index, 'path'],
        key: JSON.stringify([address.toLowerCase(), port, user, tidy(path)]),
      })),
    ),
    (other) => `${other} keeps its runs in the same folder of the same server`,
  );

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

/** Rules that compare hosts, by name. */
export const FLEET_RULES: Readonly<Record<string, FleetRule>> = {
  'duplicate-account': duplicateAccount,
  'duplicate-offsite': duplicateOffsite,
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
