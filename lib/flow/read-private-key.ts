import type { KeyObject } from 'node:crypto';
import { isProtected, openPrivateKey } from '../seal/private-key.ts';
import { quotePosix } from '../system/command.ts';
import { readRequired } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';

/** A recipient's private key from its file; `ask` is called for the passphrase of one that has any. Throws `private-key`. */
export async function readPrivateKey(path: string, ask: () => Promise<string>): Promise<KeyObject> {
  const pem = (await readRequired(path, 'give the path of a private key: --key FILE')).toString('utf8');
  learnSecret(pem);
  return openPrivateKey(pem, isProtected(pem) ? await ask() : '', quotePosix(path));
}
