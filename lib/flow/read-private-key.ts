import type { KeyObject } from 'node:crypto';
import { isProtected, openPrivateKey } from '../seal/private-key.ts';
import { quotePosix } from '../system/command.ts';
import { readRequired } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';

/**
 * A recipient's private key from its file; `ask` is called for the passphrase of one that has any, again after a wrong one, up to
 * `tries` times. Throws `private-key`.
 */
export async function readPrivateKey(
  path: string,
  ask: (again: boolean) => Promise<string>,
  tries = 1,
): Promise<KeyObject> {
  const pem = (await readRequired(path, 'give the path of a private key in PEM')).toString('utf8');
  learnSecret(pem);
  if (!isProtected(pem)) return openPrivateKey(pem, '', quotePosix(path));
  for (let asked = 1; ; asked += 1) {
    const passphrase = await ask(asked > 1);
    try {
      return openPrivateKey(pem, passphrase, quotePosix(path));
    } catch (error) {
      if (asked >= tries) throw error;
    }
  }
}
