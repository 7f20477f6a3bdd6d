import { ToldValidation } from '../model/told-validation.ts';
import { readResult } from './read-result.ts';

/** The result of `validate`, in a file. Throws `usage` when it is something else. */
export function readValidation(path: string): Promise<ToldValidation> {
  return readResult(path, ToldValidation, {
    what: 'the findings',
    of: 'validate',
    hint: 'write it with: npx zx tasks/validate.ts --json > findings.jsonl',
  });
}
