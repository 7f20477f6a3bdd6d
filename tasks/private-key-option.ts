import type { KeyObject } from 'node:crypto';
import type { Opening } from '../lib/flow/opening.ts';
import { readPrivateKey } from '../lib/flow/read-private-key.ts';
import { CoffreError } from '../lib/model/error.ts';
import { passphraseOf } from './passphrase-option.ts';

import { textOf } from './run-task.ts';

import type { TaskContext } from './task.ts';

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
  return async () => ({ kind: 'key', privateKey: await openKeyAt(path, values) });
}

/** The same for any other option; `example` is a command that has it. */
export function privateKeyOf(values: TaskContext['values'], option: string, example: string): () => Promise<KeyObject> {
  const path = textOf(values, option);
  if (path === undefined) {
    throw new CoffreError('usage', `cannot do this without a private key: --${option} FILE`, { hint: example });
  }
  return () => openKeyAt(path, values);
}

async function openKeyAt(path: string, values: TaskContext['values']): Promise<KeyObject> {
  const isTyped = values['passphrase-file'] === undefined && values['passphrase-fd'] === undefined;
  const ask = (again: boolean) =>
    passphraseOf(values, `${again ? 'That does not open it. ' : ''}Passphrase of ${path}`);
  return await readPrivateKey(path, ask, isTyped ? TRIES : 1);
}
