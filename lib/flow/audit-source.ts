import type { Source } from '../audit/open-repository.ts';
import { CoffreError } from '../model/error.ts';
import type { Inventory } from '../model/inventory.ts';
import { exists } from '../system/files.ts';

/** The audit repository that is named, or else the one and only that the hosts of the inventory publish to. */
export async function auditSource(inventory: Inventory, named: string | undefined): Promise<Source> {
  if (named !== undefined) return { location: named };
  const [first, ...others] = [
    ...new Map([...inventory.hosts.values()].map(({ audit }) => [audit.remote, audit])).values(),
  ];
  if (!first)
    throw new CoffreError('inventory', `cannot find a host in ${inventory.folder}`, { hint: 'add one under hosts/' });
  if (others.length > 0) {
    throw new CoffreError('usage', 'cannot tell which audit repository is meant: the inventory names several', {
      hint: 'name one: --repository PATH|REMOTE',
    });
  }
  const { remote, branch, hostKey } = first;
  // That key is the hosts' own. Elsewhere whoever validates has keys, or an agent, of his own.
  const isHere = first.identity !== undefined && (await exists(first.identity).catch(() => false));
  return { location: remote, branch, ssh: { identity: isHere ? first.identity : undefined, hostKey } };
}
