import type { DrillerConfig } from '../model/driller-config.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import { HostName } from '../model/names.ts';
import { nearest } from '../model/nearest.ts';

/** The one host that is meant: the one that is named, or the only one there is. Throws `usage`. */
export function selectHost(inventory: Inventory, names: readonly string[]): HostConfig {
  const all = [...inventory.hosts.keys()];
  const known = `the inventory ${inventory.folder} has: ${all.join(', ')}`;
  if (names.length > 1) throw new CoffreError('usage', 'cannot take several hosts at once', { hint: 'name one host' });
  const [name = all.length === 1 ? all[0] : undefined] = names;
  if (name === undefined)
    throw new CoffreError('usage', 'cannot tell which host is meant', { hint: `name one; ${known}` });
  return hostNamed(inventory, name);
}

/** The hosts that are named, each once, or all of them. Throws `usage` for a name that the inventory does not have, and for none. */
export function selectHosts(inventory: Inventory, names: readonly string[], all: boolean): readonly HostConfig[] {
  if (all && names.length > 0) {
    throw new CoffreError('usage', 'cannot take both --all and names', { hint: 'leave one of them away' });
  }
  if (all) return [...inventory.hosts.values()];
  if (names.length === 0) return [selectHost(inventory, names)];
  return [...new Set(names)].map((name) => hostNamed(inventory, name));
}

/** Hosts and drillers by name, each once, or all of them. Throws `usage` for a name that the inventory does not have. */
export function selectMachines(
  inventory: Inventory,
  names: readonly string[],
  all: boolean,
): { readonly hosts: readonly HostConfig[]; readonly drillers: readonly DrillerConfig[] } {
  const isDriller = (name: string) => [...inventory.drillers.keys()].some((driller) => driller === name);
  const drillers = [...inventory.drillers.values()].filter(({ name }) => all || names.includes(name));
  const others = names.filter((name) => !isDriller(name));
  const hosts = drillers.length > 0 && others.length === 0 && !all ? [] : selectHosts(inventory, others, all);
  return { hosts, drillers };
}

function hostNamed(inventory: Inventory, name: string): HostConfig {
  const parsed = HostName.safeParse(name);
  const host = parsed.success ? inventory.hosts.get(parsed.data) : undefined;
  if (host) return host;
  const known = [...inventory.hosts.keys()];
  const meant = nearest(name, known);
  const hint = `${meant ? `did you mean ${meant}? ` : ''}the inventory ${inventory.folder} has: ${known.join(', ')}`;
  throw new CoffreError('usage', `cannot find the host ${JSON.stringify(name)}`, { hint });
}
