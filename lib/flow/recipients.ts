import { join } from 'node:path';
import { CoffreError } from '../model/error.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { RecipientRecord } from '../model/manifest.ts';
import { wrapPassphrase } from '../seal/envelope.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { describePublicKey } from '../seal/public-key.ts';
import { makeFolder, readIfPresent, sha256Of, writeDurably } from '../system/files.ts';

/** The passphrase of a run for one recipient. */
export interface WrappedKey {
  readonly record: RecipientRecord;
  readonly content: Buffer;
}

/**
 * Wraps the passphrase for every recipient of the host. The inventory says whose keys these are; the host keeps its own
 * copies under `keys.path`, and a copy that differs is an alarm, not something to overwrite: throws `refused`.
 */
export async function wrapForRecipients(
  host: HostConfig,
  inventory: Inventory,
  passphrase: Passphrase,
): Promise<readonly WrappedKey[]> {
  await makeFolder(host.keys.path, 0o755);
  const wrapped: WrappedKey[] = [];
  for (const name of host.recipients) {
    const recipient = inventory.recipients.get(name);
    if (!recipient) throw new CoffreError('inventory', `cannot find the public key of ${name} in ${inventory.folder}`);
    const { fingerprint } = describePublicKey(recipient.publicKey, name);
    await keepOnHost(join(host.keys.path, `${name}.pem`), recipient.publicKey, { name, fingerprint, host: host.name });
    const content = wrapPassphrase(recipient.publicKey, passphrase);
    const file = `${name}.key.enc`;
    wrapped.push({ record: { name, fingerprint, wrappedKey: { file, sha256: sha256Of(content) } }, content });
  }
  return wrapped;
}

async function keepOnHost(
  path: string,
  pem: string,
  { name, fingerprint, host }: { readonly name: string; readonly fingerprint: string; readonly host: string },
): Promise<void> {
  const present = await readIfPresent(path);
  if (present === undefined) return await writeDurably(path, pem);
  if (describePublicKey(present.toString('utf8'), name).fingerprint === fingerprint) return;
  throw new CoffreError('refused', `cannot seal for ${name}: ${path} holds another key than the inventory`, {
    hint: `if its key was rotated: npx zx tasks/provision.ts ${host}; else find out who changed it`,
  });
}
