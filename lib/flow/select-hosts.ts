import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import { HostName } from '../model/names.ts';

/** The one host that is meant: the one that is named, or the only one there is. Throws `usage`. */
export function selectHost(inventory: Inventory, names: readonly string[]): HostConfig {
  const all = [...inventory.hosts.keys()];
  const known = `the inventory ${inventory.folder} has: ${all.join(', ')}`;
  if (names.length > 1) throw new CoffreError('usage', 'cannot take several hosts at once', { hint: 'name one host' });
  const [name = all.length === 1 ? all[0] : undefined] = names;
  if (name === undefined)
    throw new CoffreError('usage', 'cannot tell which host is meant', { hint: `name one; ${known}` });
  const parsed = HostName.safeParse(name);
  const host = parsed.success ? inventory.hosts.get(parsed.data) : undefined;
  if (host) return host;
  throw new CoffreError('usage', `cannot find the host ${JSON.stringify(name)}`, { hint: known });
}
