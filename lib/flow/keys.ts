import { dirname, join, resolve } from 'node:path';
import { addAllowedSigner, ensureSigningKey } from '../audit/signing-key.ts';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory, Recipient } from '../model/inventory.ts';
import { keyEnd } from '../model/key-end.ts';
import { type HostName, RecipientName } from '../model/names.ts';
import { generateKeyPair } from '../seal/key-pair.ts';
import { describePublicKey, type PublicKeyFacts } from '../seal/public-key.ts';
import { createDurably, exists, makeFolder, removeDurably } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';
import { assertOutside } from './outside-inventory.ts';

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
  /** The public key becomes a certificate that ends after so many days; a bare key, which does not end, if absent. */
  readonly validity?: Validity | undefined;
}

export interface Validity {
  readonly from: Date;
  readonly days: number;
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
  const name = parseRecipient(order.name);
  assertPassphrase(order.passphrase);
  const publicKeyPath = join(resolve(order.inventoryFolder), 'recipients', `${name}.pem`);
  const privateKeyPath = resolve(order.privateKeyPath);
  await assertOutside(privateKeyPath, order.inventoryFolder);
  for (const path of [publicKeyPath, privateKeyPath]) if (await exists(path)) throw alreadyThere(path);

  const { publicKey, privateKey } = await generateKeyPair(
    order.passphrase,
    order.validity && { name, ...order.validity },
  );
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
  /** Whether it is one that the recipient had before: it opens the runs of that time. */
  readonly retired: boolean;
  /** When its certificate ends; null for a bare key, which does not. */
  readonly ends: Date | null;
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

/** Every recipient of the inventory, by name, each followed by the keys that it had before. Throws `inventory` for a key that will not do. */
export function listRecipients({ recipients, retired = [], hosts }: Inventory): readonly ListedRecipient[] {
  const factsOf = ({ name, publicKey }: Recipient) => ({
    ...{ name, ...describePublicKey(publicKey, name) },
    ends: keyEnd(publicKey),
  });
  const listed = [...recipients.values()].map((recipient) => ({
    ...factsOf(recipient),
    hosts: [...hosts.values()].filter((host) => host.recipients.includes(recipient.name)).map((host) => host.name),
    retired: false,
  }));
  const former = retired.map((recipient) => ({ ...factsOf(recipient), hosts: [], retired: true }));
  return [...listed, ...former].sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
}

/** Throws `usage` for a name that no recipient can have. */
export function parseRecipient(text: string): RecipientName {
  const parsed = RecipientName.safeParse(text);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues[0]?.message ?? 'it is not a name';
  throw new CoffreError('usage', `cannot make the recipient ${JSON.stringify(text)}: ${why}`, {
    hint: 'such as: npx zx tasks/keys.ts new company',
  });
}

/** Throws `usage` for one that is too short, or that openssl could not read. */
export function assertPassphrase(passphrase: string): void {
  // openssl takes one line of at most 1023 bytes, and so must we, or it could not open the key.
  const fits = /^[^\r\n\0]*$/.test(passphrase) && Buffer.byteLength(passphrase) < 1024;
  if (fits && [...passphrase].length >= LEAST_CHARACTERS) return;
  const why = fits ? `it has fewer than ${LEAST_CHARACTERS} characters` : 'it is not one line of at most 1023 bytes';
  throw new CoffreError('usage', `cannot take this passphrase for a private key: ${why}`, {
    hint: 'take six words or more, as of: shuf -n 6 --random-source=/dev/random /usr/share/dict/words',
  });
}

function alreadyThere(path: string): CoffreError {
  return new CoffreError('refused', `cannot make the recipient: ${path} is there already`, {
    hint: 'keys are never overwritten: choose another name, such as company-2027',
  });
}
