import { CoffreError } from '../model/error.ts';
import type { HostConfig } from '../model/inventory.ts';

/** The copy of a host that a driller restores, as `--from` names it; `offsite` is the first offsite of the host. Throws `usage` for one that it does not have. */
export function drillSource({ name, offsite }: HostConfig, from: string): string {
  if (from === 'store' || from === 'export') return from;
  const found = from === 'offsite' ? offsite[0] : offsite.find((each) => from === `offsite:${each.name}`);
  if (found) return `offsite:${found.name}`;
  throw new CoffreError('usage', `cannot drill ${name} from ${JSON.stringify(from)}: it has no such copy`, {
    hint: 'one of: store, export, offsite, offsite:<name>; see the inventory',
  });
}
