import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allowedSignersLine, parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import { run } from '../system/command.ts';
import {
  exists,
  makeFolder,
  readIfPresent,
  removeDurably,
  renameDurably,
  syncFolder,
  writeDurably,
} from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';

/** Where the private key stands that signs the manifests of a host. */
export function signingKeyPath(stateFolder: string): string {
  return join(stateFolder, 'signing', 'id_ed25519');
}

/**
 * The public half of the host's own signing key, as `ssh-ed25519 AAAA…`. Makes the key when there is none: in a folder
 * of its own, renamed when it is whole, so that a killed run leaves no half key behind. An existing key is never replaced.
 */
export async function ensureSigningKey(stateFolder: string, host: HostName): Promise<string> {
  if (!(await exists(signingKeyPath(stateFolder)))) await makeKey(stateFolder, host);
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
  const derived = await run(requireProgram('ssh-keygen'), ['-y', '-P', '', '-f', path]);
  const [type, key] = derived.stdout.trim().split(' ');
  if (derived.exitCode === 0 && type === 'ssh-ed25519' && key !== undefined) return `${type} ${key}`;
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
  if (known.length > 0) {
    throw new CoffreError('refused', `cannot add a signer for ${host}: another key may sign for it already`, {
      hint: `if the host was made anew, add this line to ${path} by hand, and keep the old one for its old manifests: ${line}`,
    });
  }
  await makeFolder(join(inventoryFolder, 'signers'));
  await writeDurably(path, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
  return 'added';
}

async function makeKey(stateFolder: string, host: HostName): Promise<void> {
  const folder = join(stateFolder, 'signing');
  const draft = `${folder}.partial`;
  await makeFolder(stateFolder, 0o700);
  await removeDurably(draft);
  await makeFolder(draft, 0o700);
  const draftKey = join(draft, 'id_ed25519');
  const made = await run(requireProgram('ssh-keygen'), ['-q', '-t', 'ed25519', '-N', '', '-C', host, '-f', draftKey]);
  if (made.exitCode !== 0) {
    await removeDurably(draft);
    throw new CoffreError(
      'write-failed',
      `cannot make the signing key of ${host}: ssh-keygen ended with ${made.exitCode}`,
      {
        hint: `look at: df -h ${stateFolder}; ls -ld ${stateFolder}`,
      },
    );
  }
  await writeDurably(draftKey, await readFile(draftKey), 0o600);
  await syncFolder(draft);
  // A folder without its key is what an interrupted removal leaves: nothing in it is worth keeping.
  await removeDurably(folder);
  await renameDurably(draft, folder);
}
