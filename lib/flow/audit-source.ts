import type { Source } from '../audit/open-repository.ts';
import { CoffreError } from '../model/error.ts';
import type { Inventory } from '../model/inventory.ts';

/** The audit repository that is named, or else the one and only that the hosts of the inventory publish to. */
export function auditSource(inventory: Inventory, named: string | undefined): Source {
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
  const { remote, branch, identity, hostKey } = first;
  return { location: remote, branch, ssh: { identity, hostKey } };
}
