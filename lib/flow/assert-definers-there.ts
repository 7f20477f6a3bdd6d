import type { Connection } from '../database/connection.ts';
import { readMissingAccounts } from '../database/missing-definers.ts';
import { CoffreError } from '../model/error.ts';
import type { SelectionWish } from '../model/selection.ts';

/**
 * Throws `refused` where definers are to become an account that the server does not have: nothing that runs as it would run.
 * One that may come with the accounts of the run is only missed once all is there. Whoever may not read the accounts is told
 * of none.
 */
export async function assertDefinersThere(
  target: Connection,
  selection: SelectionWish | undefined,
  accountsToo: boolean,
): Promise<void> {
  if (selection?.definer.kind !== 'map' || accountsToo) return;
  const wanted = [...new Set(selection.definer.accounts.map(({ to }) => to))];
  const missing = (await readMissingAccounts(target, wanted)) ?? [];
  if (missing.length === 0) return;
  throw new CoffreError(
    'refused',
    `cannot make ${missing.join(', ')} a definer: the server has no such account, and what runs as it would fail`,
    {
      hint: "look at its name: SELECT CONCAT(User, '@', Host) FROM mysql.global_priv; make it first, or take the accounts of the run, too: --accounts",
    },
  );
}
