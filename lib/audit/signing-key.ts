import { dirname, join } from 'node:path';
import { allowedSignersLine, parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import { exists, makeFolder, readIfPresent, writeDurably } from '../system/files.ts';
import { makeKeyFolder, publicHalf } from '../system/ssh-key.ts';

/** Where the private key stands that signs the manifests of a host. */
export function signingKeyPath(stateFolder: string): string {
  return join(stateFolder, 'signing', 'id_ed25519');
}

/**
 * The public half of the host's own signing key, as `ssh-ed25519 AAAA…`. Makes the key when there is none: in a folder
 * of its own, renamed when it is whole, so that a killed run leaves no half key behind. An existing key is never replaced.
 */
export async function ensureSigningKey(stateFolder: string, host: HostName): Promise<string> {
  if (!(await exists(signingKeyPath(stateFolder))))
    await makeKeyFolder(dirname(signingKeyPath(stateFolder)), 'id_ed25519', host);
  return await readSigningKey(stateFolder, host);
}

/**
 * The public half of the signing key that is there. Throws `refused` when there is none: a run that could not be signed
 * must not begin.
 */
export async function readSigningKey(stateFolder: string, host: HostName): Promise<string> {
  const path = signingKeyPath(stateFolder);
  if (!(await exists(path))) {
    throw new CoffreError('refused', `cannot sign for ${host}: there is no signing key at ${path}`, {
      hint: `make it, and let it sign: npx zx tasks/keys.ts signer ${host}`,
    });
  }
  const publicKey = await publicHalf(path);
  if (publicKey?.startsWith('ssh-ed25519 ')) return publicKey;
  throw new CoffreError('unexpected', `cannot read the signing key ${path}: ssh-keygen does not take it`, {
    hint: `look at: ls -l ${path}; it must be an ed25519 key without passphrase, mode 0600`,
  });
}

/**
 * Lets `publicKey` sign for `host`: appends its line to `signers/allowed_signers` of the inventory. The same key again
 * changes nothing. Throws `refused` when another key may sign for that host: who replaces it has to say so in Git.
 */
export async function addAllowedSigner(
  inventoryFolder: string,
  host: HostName,
  publicKey: string,
): Promise<'added' | 'present'> {
  const path = join(inventoryFolder, 'signers', 'allowed_signers');
  const line = allowedSignersLine(host, publicKey);
  const [added] = parseAllowedSigners(line).signers;
  if (!added) throw new CoffreError('unexpected', `cannot add a signer for ${host}: this is not a public key`);
  const text = (await readIfPresent(path))?.toString('utf8') ?? '';
  const known = parseAllowedSigners(text).signers.filter((signer) => signer.host === host);
  if (known.some((signer) => signer.publicKey === added.publicKey)) return 'present';
  if (known.some((signer) => !signer.retired)) {
    throw new CoffreError('refused', `cannot add a signer for ${host}: another key may sign for it already`, {
      hint: `if the host was made anew, add this line to ${path} by hand, and keep the old one for its old manifests: ${line}`,
    });
  }
  await makeFolder(join(inventoryFolder, 'signers'));
  await writeDurably(path, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
  return 'added';
}
