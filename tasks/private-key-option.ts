import type { Opening } from '../lib/flow/opening.ts';
import { readPrivateKey } from '../lib/flow/read-private-key.ts';
import { CoffreError } from '../lib/model/error.ts';
import { passphraseOf } from './passphrase-option.ts';
import { type TaskContext, textOf } from './run-task.ts';

/** Opens the private key that `--key` names once it is called, and asks for its passphrase then. Throws `usage` without the option. */
export function keyOption(values: TaskContext['values']): () => Promise<Opening> {
  const path = textOf(values, 'key');
  if (path === undefined) {
    throw new CoffreError('usage', 'cannot restore without a private key', {
      hint: 'name one: --key ~/keys/company.pem',
    });
  }
  return async () => {
    const privateKey = await readPrivateKey(path, () => passphraseOf(values, `Passphrase of ${path}`));
    return { kind: 'key', privateKey };
  };
}
