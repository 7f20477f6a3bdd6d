import { rotateRecipient } from '../lib/flow/rotate-recipient.ts';
import { CoffreError } from '../lib/model/error.ts';
import { RecipientName } from '../lib/model/names.ts';
import { exists } from '../lib/system/files.ts';
import { validityOf } from './days-option.ts';
import { inventoryFolder } from './inventory-option.ts';
import { passphraseOf } from './passphrase-option.ts';

import { textOf } from './run-task.ts';

import type { TaskContext, TaskResult } from './task.ts';

/** `keys rotate`: a new key pair for a recipient, and what is to be done with it. */
export async function rotateTask({ values }: TaskContext, words: readonly string[]): Promise<TaskResult> {
  const name = RecipientName.safeParse(words[0]);
  const privateKeyPath = textOf(values, 'private-key');
  if (!name.success || words.length !== 1 || privateKeyPath === undefined) {
    throw new CoffreError('usage', 'cannot rotate a key: a recipient and --private-key, for the new one, are needed', {
      hint: 'npx zx tasks/keys.ts rotate company --private-key ~/keys/company-2027.pem',
    });
  }
  const isThere = await exists(privateKeyPath);
  const passphrase = isThere
    ? await passphraseOf(values, `Passphrase of ${privateKeyPath}, which is there already`)
    : await passphraseOf(values, `New passphrase for the new private key of ${name.data}`, 'twice');
  const folder = inventoryFolder(values);
  const made = await rotateRecipient({
    name: name.data,
    inventoryFolder: folder,
    privateKeyPath,
    passphrase,
    validity: validityOf(values),
  });
  const next =
    made.hosts.length === 0
      ? [`no host uses ${made.name}: nothing has to be converged`]
      : [
          'Until they are converged, these hosts still seal for the former key. Commit the inventory, then run:',
          `  npx zx tasks/provision.ts ${made.hosts.join(' ')}`,
        ];
  const text = [
    ...(made.state === 'present' ? [`${made.name} has this key already: nothing was changed`] : []),
    `public key:   ${made.publicKeyPath} (commit it)`,
    ...made.retired.map(({ path, fingerprint }) => `former key:   ${path} (commit it)\n              ${fingerprint}`),
    `private key:  ${made.privateKeyPath} (keep it and its passphrase apart, off the servers; no copy of it is anywhere else)`,
    `fingerprint:  ${made.fingerprint}`,
    '',
    ...next,
    'Keep the former private key and its passphrase for as long as runs of its time are kept: only it opens them.',
  ].join('\n');
  return { text, data: made };
}
