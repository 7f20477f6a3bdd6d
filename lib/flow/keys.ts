import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { addAllowedSigner, ensureSigningKey } from '../audit/signing-key.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import { type HostName, RecipientName } from '../model/names.ts';
import { generateKeyPair } from '../seal/key-pair.ts';
import { describePublicKey, type PublicKeyFacts } from '../seal/public-key.ts';
import { createDurably, exists, makeFolder, removeDurably } from '../system/files.ts';
import { tryGit } from '../system/git.ts';
import { learnSecret } from '../system/known-secrets.ts';

/** Shorter ones are guessed, however slow a guess is made. */
const LEAST_CHARACTERS = 12;

export interface NewRecipient {
  readonly name: string;
  /** The folder of the inventory; the public key goes into its `recipients/`. */
  readonly inventoryFolder: string;
  /** Where the private key goes: outside of the inventory, and of the Git work tree that holds it. */
  readonly privateKeyPath: string;
  /** Protects the private key. */
  readonly passphrase: string;
}

export interface MadeRecipient extends PublicKeyFacts {
  readonly name: RecipientName;
  readonly publicKeyPath: string;
  readonly privateKeyPath: string;
}

/**
 * Makes a recipient: both of its files, or neither. Overwrites nothing.
 *
 * Throws `usage` for a name or a passphrase that will not do, `refused` when a file is there already or the private
 * key would come to lie where Git would publish it.
 */
export async function newRecipient(order: NewRecipient): Promise<MadeRecipient> {
  learnSecret(order.passphrase);
  const name = parseName(order.name);
  assertPassphrase(order.passphrase);
  const publicKeyPath = join(resolve(order.inventoryFolder), 'recipients', `${name}.pem`);
  const privateKeyPath = resolve(order.privateKeyPath);
  await assertOutside(privateKeyPath, order.inventoryFolder);
  for (const path of [publicKeyPath, privateKeyPath]) if (await exists(path)) throw alreadyThere(path);

  const { publicKey, privateKey } = await generateKeyPair(order.passphrase);
  learnSecret(privateKey);
  const facts = describePublicKey(publicKey, name);
  await makeFolder(dirname(publicKeyPath));
  await makeFolder(dirname(privateKeyPath), 0o700);
  await createDurably(privateKeyPath, privateKey, 0o600);
  try {
    await createDurably(publicKeyPath, publicKey, 0o644);
  } catch (error) {
    await removeDurably(privateKeyPath);
    throw error;
  }
  return { name, publicKeyPath, privateKeyPath, ...facts };
}

export interface ListedRecipient extends PublicKeyFacts {
  readonly name: RecipientName;
  /** Hosts whose backups it opens; a key without any is not in use. */
  readonly hosts: readonly HostName[];
}

export interface HostSigner {
  readonly host: HostName;
  readonly publicKey: string;
  /** Where the inventory says who may sign. */
  readonly path: string;
  readonly state: 'added' | 'present';
}

/** Makes the signing key of a host, on that host, if there is none, and lets it sign for the host in the inventory. */
export async function hostSigner(host: HostConfig, inventoryFolder: string): Promise<HostSigner> {
  const publicKey = await ensureSigningKey(host.state.path, host.name);
  const state = await addAllowedSigner(inventoryFolder, host.name, publicKey);
  return { host: host.name, publicKey, path: join(inventoryFolder, 'signers', 'allowed_signers'), state };
}

/** Every recipient of the inventory, by name. Throws `inventory` for a key that will not do. */
export function listRecipients({ recipients, hosts }: Inventory): readonly ListedRecipient[] {
  const listed = [...recipients.values()].map(({ name, publicKey }) => ({
    name,
    ...describePublicKey(publicKey, name),
    hosts: [...hosts.values()].filter((host) => host.recipients.includes(name)).map((host) => host.name),
  }));
  return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function parseName(text: string): RecipientName {
  const parsed = RecipientName.safeParse(text);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues[0]?.message ?? 'it is not a name';
  throw new CoffreError('usage', `cannot make the recipient ${JSON.stringify(text)}: ${why}`, {
    hint: 'such as: npx zx tasks/keys.ts new company',
  });
}

function assertPassphrase(passphrase: string): void {
  // openssl takes one line of at most 1023 bytes, and so must we, or it could not open the key.
  const fits = /^[^\r\n\0]*$/.test(passphrase) && Buffer.byteLength(passphrase) < 1024;
  if (fits && [...passphrase].length >= LEAST_CHARACTERS) return;
  const why = fits ? `it has fewer than ${LEAST_CHARACTERS} characters` : 'it is not one line of at most 1023 bytes';
  throw new CoffreError('usage', `cannot take this passphrase for a private key: ${why}`, {
    hint: 'take six words or more, as of: shuf -n 6 --random-source=/dev/random /usr/share/dict/words',
  });
}

async function assertOutside(privateKeyPath: string, inventoryFolder: string): Promise<void> {
  const inventory = await realOf(resolve(inventoryFolder));
  const workTree = await workTreeOf(inventory);
  const place = await realOf(dirname(privateKeyPath));
  const published = workTree !== undefined && !(await isIgnored(workTree, privateKeyPath));
  for (const kept of [inventory, ...(published ? [workTree] : [])]) {
    if (place !== kept && !place.startsWith(kept.endsWith(sep) ? kept : kept + sep)) continue;
    throw new CoffreError('refused', `cannot write the private key to ${privateKeyPath}: it is inside of ${kept}`, {
      hint: `a private key never lies where Git publishes: take a path such as ~/keys/${basename(privateKeyPath)}`,
    });
  }
}

/** Whether Git would never add `path`, as with everything in the folder of the quickstart. */
async function isIgnored(workTree: string, path: string): Promise<boolean> {
  return (await tryGit(['check-ignore', '--quiet', '--', path], { cwd: workTree })).exitCode === 0;
}

/** `path` with its links followed, as far down as it is there already. */
async function realOf(path: string): Promise<string> {
  if (await exists(path)) return realpath(path);
  return join(await realOf(dirname(path)), basename(path));
}

/** The folder above, or the one itself, that holds `.git`. */
async function workTreeOf(folder: string): Promise<string | undefined> {
  if (await exists(join(folder, '.git'))) return folder;
  return dirname(folder) === folder ? undefined : workTreeOf(dirname(folder));
}

function alreadyThere(path: string): CoffreError {
  return new CoffreError('refused', `cannot make the recipient: ${path} is there already`, {
    hint: 'keys are never overwritten: choose another name, such as company-2027',
  });
}
