import { ProvisionResult } from '../model/provision-result.ts';
import { readResult } from './read-result.ts';

/** The result of a dry run of `provision`, in a file. Throws `usage` when it is something else. */
export function readPlans(path: string): Promise<ProvisionResult> {
  return readResult(path, ProvisionResult, {
    what: 'the plans',
    of: 'a dry run',
    hint: 'write it with: npx zx tasks/provision.ts --all --dry-run --json > plan.jsonl',
  });
}
