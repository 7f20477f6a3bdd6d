import { createPublicKey, type KeyObject } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { readInventory } from '../inventory/read.ts';
import { retiredFile } from '../inventory/recipients.ts';
import { CoffreError } from '../model/error.ts';
import type { Inventory } from '../model/inventory.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import type { HostName, RecipientName, Sha256 } from '../model/names.ts';
import { type CertificateWish, certifyPem } from '../seal/certificate.ts';
import { generateKeyPair } from '../seal/key-pair.ts';
import { isProtected, openPrivateKey } from '../seal/private-key.ts';
import { describePublicKey } from '../seal/public-key.ts';
import { quotePosix } from '../system/command.ts';
import { exists, makeFolder, PARTIAL, readIfPresent, removeDurably, writeDurably } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';
import { assertPassphrase, parseRecipient, type Validity } from './keys.ts';
import { assertOutside } from './outside-inventory.ts';

export interface Rotation {
  readonly name: string;
  readonly inventoryFolder: string;
  /** Where the new private key goes; one that is there already, and no recipient's yet, becomes the new one. */
  readonly privateKeyPath: string;
  /** Protects the new private key. */
  readonly passphrase: string;
  /** As for a new recipient. */
  readonly validity?: Validity | undefined;
}

export interface RotatedRecipient {
  readonly name: RecipientName;
  /** present: all of it had been done before. */
  readonly state: 'rotated' | 'present';
  readonly publicKeyPath: string;
  readonly privateKeyPath: string;
  readonly fingerprint: Sha256;
  /** The keys that it had before: they open the runs of their time. */
  readonly retired: readonly { readonly path: string; readonly fingerprint: Sha256 }[];
  /** Hosts that have to be converged. */
  readonly hosts: readonly HostName[];
}

/**
 * Gives a recipient a new key pair. The public half that it had stays in the inventory, in `recipients/retired`, so that
 * those who hold its private half are known by name for as long as runs of that time are kept. Overwrites no private key.
 *
 * Each step can be the last one before a kill: done again, with the same path and passphrase, it finishes what was begun. Throws
 * `usage`, `private-key`, and `refused` for a key that stands in for somebody else, or lives on a driller.
 */
export async function rotateRecipient(order: Rotation): Promise<RotatedRecipient> {
  learnSecret(order.passphrase);
  const name = parseRecipient(order.name);
  const folder = resolve(order.inventoryFolder);
  const privateKeyPath = resolve(order.privateKeyPath);
  const publicKeyPath = join(folder, 'recipients', `${name}.pem`);
  await assertOutside(privateKeyPath, folder);
  await sweep(publicKeyPath, name);
  const inventory = await readInventory(folder);
  const current = inventory.recipients.get(name)?.publicKey;
  if (current === undefined) throw unknown(name);
  assertOnNoDriller(name, inventory);

  const given = await readIfPresent(privateKeyPath);
  if (given === undefined) assertPassphrase(order.passphrase);
  const key = given && openGiven(given.toString('utf8'), order.passphrase, privateKeyPath);
  const isPresent = key !== undefined && assertFree(publicHalfOf(key), name, inventory) === 'its own';
  if (!isPresent) {
    const wish = order.validity && { name, ...order.validity };
    const made = key ? publicHalfOf(key, wish) : await makeKey(privateKeyPath, order.passphrase, wish);
    await keep(join(folder, retiredFile(name, current)), current);
    await writeDurably(publicKeyPath, made);
  }
  const after = await readInventory(folder);
  const facts = describePublicKey(after.recipients.get(name)?.publicKey ?? '', name);
  return {
    ...{ name, publicKeyPath, privateKeyPath, fingerprint: facts.fingerprint },
    state: isPresent ? 'present' : 'rotated',
    retired: retiredOf(after, name).map((key) => ({
      path: join(folder, retiredFile(name, key)),
      fingerprint: fingerprintOf(key),
    })),
    hosts: [...after.hosts.values()].filter(({ recipients }) => recipients.includes(name)).map((host) => host.name),
  };
}

/** What a kill over it has left: the inventory could not be read with it. */
async function sweep(publicKeyPath: string, name: RecipientName): Promise<void> {
  const retired = join(dirname(publicKeyPath), 'retired');
  const names = await readdir(retired).catch(() => []); // there is none yet
  const ours = names.filter((each) => each.startsWith(`${name}-`) && each.endsWith(PARTIAL));
  for (const left of [`${publicKeyPath}${PARTIAL}`, ...ours.map((each) => join(retired, each))]) {
    if (await exists(left)) await removeDurably(left);
  }
}

async function makeKey(path: string, passphrase: string, wish: CertificateWish | undefined): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair(passphrase, wish);
  learnSecret(privateKey);
  await makeFolder(dirname(path), 0o700);
  // A name that appears at once: half a key would have to be told from one that somebody has damaged.
  await writeDurably(path, privateKey, 0o600);
  return publicKey;
}

async function keep(path: string, publicKey: string): Promise<void> {
  if (await exists(path)) return; // its name says which key it is
  await makeFolder(dirname(path));
  await writeDurably(path, publicKey);
}

/** A key that was there already. */
function openGiven(pem: string, passphrase: string, path: string): KeyObject {
  learnSecret(pem);
  if (!isProtected(pem)) {
    throw new CoffreError('refused', `cannot take ${path} for a new key: it has no passphrase`, {
      hint: `give it one: openssl pkcs8 -topk8 -v2 aes-256-cbc -in ${quotePosix(path)} -out NEW; or take a path where nothing is`,
    });
  }
  return openPrivateKey(pem, passphrase, quotePosix(path));
}

/** PEM of its public half, as a certificate where one is wanted. */
function publicHalfOf(key: KeyObject, wish?: CertificateWish): string {
  if (!wish) return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  const open = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  learnSecret(open);
  return certifyPem(open, wish);
}

/** Whose the key of `publicKey` is already. Throws `refused` where it is somebody's, unless it is the outcome of this very rotation. */
function assertFree(publicKey: string, name: RecipientName, inventory: Inventory): 'nobody' | 'its own' {
  describePublicKey(publicKey, name);
  const fingerprint = fingerprintOf(publicKey);
  const refuse = (whose: string) =>
    new CoffreError('refused', `cannot rotate ${name} to this key: it is ${whose}`, {
      hint: 'name a path where nothing is: --private-key FILE; which keys there are: npx zx tasks/keys.ts list',
    });
  const former = (inventory.retired ?? []).find((key) => fingerprintOf(key.publicKey) === fingerprint);
  const owner = [...inventory.recipients.values()].find((key) => fingerprintOf(key.publicKey) === fingerprint);
  if (owner?.name === name && retiredOf(inventory, name).some((key) => fingerprintOf(key) !== fingerprint))
    return 'its own';
  if (owner) throw refuse(`the one that ${owner.name} has now`);
  if (former) throw refuse(`one that ${former.name} had before`);
  return 'nobody';
}

function retiredOf({ retired = [] }: Inventory, name: RecipientName): readonly string[] {
  return retired.filter((key) => key.name === name).map(({ publicKey }) => publicKey);
}

function fingerprintOf(pem: string): Sha256 {
  return keyFingerprint(createPublicKey(pem));
}

function assertOnNoDriller(name: RecipientName, { drillers }: Inventory): void {
  const driller = [...drillers.values()].find(({ recipient }) => recipient === name);
  if (!driller) return;
  throw new CoffreError(
    'refused',
    `cannot rotate ${name}: its private key is made on ${driller.name}, and never leaves it`,
    {
      hint: `name another recipient in drillers/${driller.name}.yaml, then: npx zx tasks/provision.ts ${driller.name}`,
    },
  );
}

function unknown(name: RecipientName): CoffreError {
  return new CoffreError('usage', `cannot rotate ${name}: the inventory has no such recipient`, {
    hint: `see which there are: npx zx tasks/keys.ts list; for a new one: npx zx tasks/keys.ts new ${name}`,
  });
}
