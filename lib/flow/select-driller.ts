import type { DrillerConfig } from '../model/driller-config.ts';
import { CoffreError } from '../model/error.ts';
import type { Inventory } from '../model/inventory.ts';
import { HostName } from '../model/names.ts';

/** The one driller that is meant: the one that is named, or the only one there is. Throws `usage`. */
export function selectDriller({ drillers, folder }: Inventory, names: readonly string[]): DrillerConfig {
  const all = [...drillers.keys()];
  if (all.length === 0) {
    throw new CoffreError('usage', `cannot drill: the inventory ${folder} has no driller`, {
      hint: 'write drillers/<name>.yaml, and provision it: npx zx tasks/provision.ts <name>',
    });
  }
  const hint = `the inventory ${folder} has: ${all.join(', ')}`;
  if (names.length > 1) throw new CoffreError('usage', 'cannot take several drillers at once', { hint: 'name one' });
  const [name = all.length === 1 ? all[0] : undefined] = names;
  if (name === undefined) throw new CoffreError('usage', 'cannot tell which driller is meant', { hint });
  const parsed = HostName.safeParse(name);
  const driller = parsed.success ? drillers.get(parsed.data) : undefined;
  if (driller) return driller;
  throw new CoffreError('usage', `cannot find the driller ${JSON.stringify(name)}`, { hint });
}
