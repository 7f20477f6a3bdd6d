import type { Opening } from '../lib/flow/opening.ts';
import { readPrivateKey } from '../lib/flow/read-private-key.ts';
import { CoffreError } from '../lib/model/error.ts';
import { passphraseOf } from './passphrase-option.ts';
import { type TaskContext, textOf } from './run-task.ts';

/** At a terminal: a hand slips, and all that was typed before it would have to be typed again. */
const TRIES = 3;

/** Opens the private key that `--key` names once it is called, and asks for its passphrase then. Throws `usage` without the option. */
export function keyOption(values: TaskContext['values']): () => Promise<Opening> {
  const path = textOf(values, 'key');
  if (path === undefined) {
    throw new CoffreError('usage', 'cannot restore without a private key', {
      hint: 'name one: --key ~/keys/company.pem',
    });
  }
  return async () => {
    const isTyped = values['passphrase-file'] === undefined && values['passphrase-fd'] === undefined;
    const ask = (again: boolean) =>
      passphraseOf(values, `${again ? 'That does not open it. ' : ''}Passphrase of ${path}`);
    const privateKey = await readPrivateKey(path, ask, isTyped ? TRIES : 1);
    return { kind: 'key', privateKey };
  };
}
