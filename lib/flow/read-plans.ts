import { CoffreError } from '../model/error.ts';
import { ProvisionResult } from '../model/provision-result.ts';
import { readRequired } from '../system/files.ts';

const HINT = 'write it with: npx zx tasks/provision.ts --all --dry-run --json > plan.jsonl';

/**
 * The result in a file that holds what a dry run of `provision` has written with `--json`: the last line. Throws
 * `usage` when that is something else, as after a run that was killed.
 */
export async function readPlans(path: string): Promise<ProvisionResult> {
  const last = (await readRequired(path, HINT)).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
  const parsed = ProvisionResult.safeParse(parseJson(last));
  if (parsed.success) return parsed.data;
  throw new CoffreError('usage', `cannot read the plans in ${path}: its last line is not the result of a dry run`, {
    hint: HINT,
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
