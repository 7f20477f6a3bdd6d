import { parseAllowedSigners } from '../model/allowed-signers.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import type { DrillerSlice } from '../model/driller-slice.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { OffsiteConfig } from '../model/offsite-config.ts';

/** What of the inventory a driller needs: itself, its hosts as it reaches their copies, and the keys that sign for them. */
export function drillerSliceOf(driller: DrillerConfig, inventory: Inventory): DrillerSlice {
  const { hosts, recipients, allowedSigners } = inventory;
  const drilled = driller.hosts.map((name) => {
    const host = hosts.get(name);
    if (host) return withoutAdmin(asDriller(host, driller));
    throw new CoffreError('inventory', `cannot drill ${name}: the inventory ${inventory.folder} has no such host`, {
      hint: `look at hosts in drillers/${driller.name}.yaml`,
    });
  });
  const lines = allowedSigners.split('\n');
  const known = new Set([driller.name, ...driller.hosts]);
  const own = parseAllowedSigners(allowedSigners).signers.filter(({ host }) => known.has(host));
  return {
    driller,
    hosts: drilled,
    recipientKey: recipients.get(driller.recipient)?.publicKey ?? null,
    allowedSigners: own.map(({ line }) => `${lines[line - 1]?.trim()}\n`).join(''),
  };
}

/** The host with its offsites as the driller logs in to them: with a key of its own, and maybe another account. */
export function asDriller(host: HostConfig, { identity, rcloneConfig, logins }: DrillerConfig): HostConfig {
  const offsite = host.offsite.map((each): OffsiteConfig => {
    if (each.kind === 'rclone') return { ...each, config: rcloneConfig };
    const { identityPassphrase: _, ...config } = each;
    const login = logins.find((each) => each.host === host.name && each.offsite === config.name);
    const { user = config.user, path = config.path } = login ?? {};
    return { ...config, user, path, identity: login?.identity ?? identity };
  });
  return { ...host, offsite };
}

/** Who may set up the contractor's server is control's affair. */
function withoutAdmin(host: HostConfig): HostConfig {
  const offsite = host.offsite.map((each): OffsiteConfig => {
    if (each.kind === 'rclone') return each;
    const { admin: _, ...config } = each;
    return config;
  });
  return { ...host, offsite };
}
