import { CoffreError } from '../lib/model/error.ts';
import { readRequired } from '../lib/system/files.ts';
import { learnSecret } from '../lib/system/known-secrets.ts';

import { textOf } from './run-task.ts';

import type { TaskContext } from './task.ts';
import { askPassphrase } from './terminal.ts';

/** The passphrase from `--passphrase-file`, `--passphrase-fd`, or the terminal; a new one is asked for twice there. */
export async function passphraseOf(
  values: TaskContext['values'],
  prompt: string,
  times: 'once' | 'twice' = 'once',
): Promise<string> {
  const file = textOf(values, 'passphrase-file');
  const fd = textOf(values, 'passphrase-fd');
  if (fd !== undefined && !/^\d{1,4}$/.test(fd)) {
    throw new CoffreError('usage', 'cannot read the passphrase: --passphrase-fd takes the number of a descriptor', {
      hint: '--passphrase-fd 0 < FILE',
    });
  }
  const passphrase =
    file === undefined
      ? await askPassphrase(prompt, fd === undefined ? undefined : Number(fd))
      : ((await readRequired(file)).toString('utf8').split(/\r?\n/, 1)[0] ?? '');
  learnSecret(passphrase);
  if (passphrase === '') throw new CoffreError('usage', 'cannot use an empty passphrase', { hint: 'give one' });
  const typed = file === undefined && fd === undefined;
  if (times === 'twice' && typed && (await askPassphrase('Once more', undefined)) !== passphrase) {
    throw new CoffreError('usage', 'cannot use the passphrase: the two differ', { hint: 'type it again' });
  }
  return passphrase;
}
