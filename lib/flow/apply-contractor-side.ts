import { CoffreError } from '../model/error.ts';
import type { ContractorSide } from '../model/far-end.ts';
import type { Change } from '../model/plan.ts';
import { type ContractorLogin, contractorResources } from '../storage/contractor-resources.ts';

/** What would be done at the contractor's server, in order; empty when all is as it should be. Changes nothing. */
export async function planContractorSide(login: ContractorLogin, side: ContractorSide): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const resource of await contractorResources(login, side)) {
    const change = await resource.inspect();
    if (change) changes.push(change);
  }
  return changes;
}

/**
 * Brings the contractor's server to `side` and returns what was done; `done` hears of each change once it stands. Killed
 * in the middle it is finished by the next call. sshd is reloaded only with rules that it accepts and that touch nobody
 * else's login; if not, it keeps the ones it had. Throws `refused` for what is not ours to change.
 */
export async function applyContractorSide(
  login: ContractorLogin,
  side: ContractorSide,
  done: (change: Change) => void = () => undefined,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (const resource of await contractorResources(login, side)) {
    const change = await resource.inspect();
    if (!change) continue;
    await resource.apply(change);
    if (await resource.inspect()) {
      throw new CoffreError('unexpected', `cannot set up ${change.name} over there: it is not as it was made`, {
        hint: 'somebody else may be at work on this server: run it again',
      });
    }
    changes.push(change);
    done(change);
  }
  return changes;
}
