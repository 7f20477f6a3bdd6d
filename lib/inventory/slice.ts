import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { stringify } from 'yaml';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import { HostConfig, type Inventory, type Recipient } from '../model/inventory.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import { HostName, RecipientName, Sha256 } from '../model/names.ts';
import type { Slice } from '../model/slice.ts';
import { exists, readIfPresent, readRequired } from '../system/files.ts';
import { readSliceFile, sliceHeader } from './slice-file.ts';
import { parseYaml, type ValueMap } from './yaml-document.ts';

/** File of a host's slice in its settings folder. */
export const SLICE_FILE = 'host.yaml';
const SIGNERS_FILE = 'allowed_signers';
const HINT = 'converge the host again, from control: npx zx tasks/provision.ts';

/** A host's own slice of the inventory, in one file; the public keys stand in the folder of keys. */
const SliceFile = z.strictObject({
  name: HostName,
  ...HostConfig.shape,
  /** Fingerprints of the recipients' keys: another key in the place of one of them is noticed. */
  fingerprints: z.record(RecipientName, Sha256),
});

const HEADER = sliceHeader('host');

/** The files of a slice on its host, by path. None of them holds a secret. */
export function sliceFiles({ host, recipients, allowedSigners }: Slice): ReadonlyMap<string, string> {
  const fingerprints = Object.fromEntries(
    recipients.map(({ name, publicKey }) => [name, keyFingerprint(createPublicKey(publicKey))]),
  );
  return new Map([
    [join(host.settings.path, SLICE_FILE), HEADER + stringify({ ...host, fingerprints }, { lineWidth: 0 })],
    [join(host.settings.path, SIGNERS_FILE), allowedSigners],
    ...recipients.map(({ name, publicKey }) => [recipientFile(host, name), publicKey] as const),
  ]);
}

/** Where the public key of a recipient stands on a host. */
export function recipientFile({ keys }: HostConfig, name: RecipientName): string {
  return join(keys.path, `${name}.pem`);
}

export function isSliceFolder(folder: string): Promise<boolean> {
  return exists(join(folder, SLICE_FILE)).catch(() => false);
}

/**
 * The inventory as the host itself has it: of one host. Throws `inventory` when it was altered, `not-found` when a key is
 * gone, each with the way back.
 */
export async function readSlice(folder: string): Promise<Inventory> {
  const { fingerprints, ...host } = await readSliceFile(join(folder, SLICE_FILE), SliceFile, HINT);
  const recipients = await Promise.all(host.recipients.map((name) => readRecipient(host, name, fingerprints[name])));
  const allowedSigners = (await readIfPresent(join(folder, SIGNERS_FILE)))?.toString('utf8') ?? '';
  return {
    folder,
    hosts: new Map([[host.name, host]]),
    drillers: new Map(),
    recipients: new Map(recipients.map((recipient) => [recipient.name, recipient])),
    allowedSigners,
  };
}

/**
 * The slice as it was written before, by whichever version: nothing about it is certain. Undefined when there is none that can
 * be read.
 */
export async function formerSlice(settingsFolder: string): Promise<ValueMap | undefined> {
  // Whoever writes the slice tells what keeps it from being read.
  const text = await readIfPresent(join(settingsFolder, SLICE_FILE)).catch(() => undefined);
  return text && parseYaml(SLICE_FILE, text.toString('utf8')).value;
}

/** The recipients that the host had before, by its slice; none when there is no slice that can be read. */
export async function formerRecipients(settingsFolder: string): Promise<readonly RecipientName[]> {
  return z.array(RecipientName).safeParse((await formerSlice(settingsFolder))?.recipients).data ?? [];
}

async function readRecipient(host: HostConfig, name: RecipientName, wanted: Sha256 | undefined): Promise<Recipient> {
  const path = recipientFile(host, name);
  const publicKey = (await readRequired(path, HINT)).toString('utf8');
  const refuse = (why: string) =>
    new CoffreError('inventory', `cannot seal for ${name} with ${path}: ${why}`, { hint: HINT });
  let found: Sha256;
  try {
    found = keyFingerprint(createPublicKey(publicKey));
  } catch {
    throw refuse('it is not a public key');
  }
  if (found !== wanted) throw refuse('it is another key than the inventory has for this recipient');
  return { name, publicKey };
}
