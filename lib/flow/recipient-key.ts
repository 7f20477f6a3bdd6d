import { createPrivateKey, createPublicKey } from 'node:crypto';
import { chmod, chown, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { octal } from '../host/file-resource.ts';
import type { DrillerConfig } from '../model/driller-config.ts';
import { CoffreError } from '../model/error.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import type { RecipientName } from '../model/names.ts';
import type { Resource } from '../model/plan.ts';
import { generateOpenKeyPair } from '../seal/key-pair.ts';
import { explained } from '../system/explained.ts';
import { createDurably, exists, makeFolder, readIfPresent, writeDurably } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';

type Holder = Pick<DrillerConfig, 'name' | 'key' | 'recipient'>;

const PRIVATE = 0o600;

/**
 * The private key by which a driller opens backups. It is made there and never leaves it, and is never replaced. `wanted`
 * is the public key that the inventory has for its recipient, if any: throws `refused` when the driller has another one.
 */
export function recipientKeyResource({ name: driller, key: path, recipient }: Holder, wanted: string | null): Resource {
  const owner = process.getuid?.() ?? 0;
  const common = { kind: 'key', name: path } as const;
  return {
    ...common,
    async inspect() {
      if (!(await exists(path))) {
        if (wanted !== null) throw lost(driller, path, recipient);
        const lines = [`+opens backups that are sealed for ${recipient}`, '+RSA-4096, made on the driller'];
        return { action: 'create', ...common, lines };
      }
      const { mode, uid } = await stat(path);
      const lines: string[] = [];
      if ((mode & 0o777) !== PRIVATE) lines.push(`-mode ${octal(mode & 0o777)}`, `+mode ${octal(PRIVATE)}`);
      if (uid !== owner) lines.push(`-owner ${uid}`, `+owner ${owner}`);
      await assertFits(path, recipient, wanted);
      return lines.length > 0 ? { action: 'change', ...common, lines } : undefined;
    },
    async apply(change) {
      if (change.action === 'create') {
        await makeFolder(dirname(path), 0o700);
        const { privateKey } = await generateOpenKeyPair();
        learnSecret(privateKey);
        return await writeDurably(path, privateKey, PRIVATE);
      }
      try {
        await chown(path, owner, -1);
        await chmod(path, PRIVATE);
      } catch (error) {
        throw explained('change', path, error);
      }
    },
  };
}

/** PEM of the public half of the key at `path`; null while there is none that can be read. */
export async function recipientPublicKey(path: string): Promise<string | null> {
  const pem = await readIfPresent(path);
  if (pem) learnSecret(pem);
  try {
    return pem ? publicHalfOf(pem) : null;
  } catch {
    return null;
  }
}

/** At control: gives the inventory a recipient that it does not have yet. */
export async function addRecipient(
  inventoryFolder: string,
  recipient: RecipientName,
  publicKey: string,
): Promise<'added' | 'present'> {
  const path = join(inventoryFolder, 'recipients', `${recipient}.pem`);
  if (await exists(path)) return 'present';
  await makeFolder(dirname(path));
  await createDurably(path, publicKey, 0o644);
  return 'added';
}

function publicHalfOf(pem: Buffer): string {
  return createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'pem' }).toString();
}

async function assertFits(path: string, recipient: RecipientName, wanted: string | null): Promise<void> {
  const publicKey = await recipientPublicKey(path);
  if (publicKey === null) {
    throw new CoffreError('refused', `cannot use the key ${path}: it is no private key without a passphrase`, {
      hint: `it is never replaced: move it away to have a new one made: mv ${path} ${path}.old`,
    });
  }
  if (wanted === null || fingerprintOf(publicKey) === fingerprintOf(wanted)) return;
  throw new CoffreError('refused', `cannot use the key ${path}: the inventory has another one for ${recipient}`, {
    hint: `name another recipient for this driller, or bring the key that belongs to recipients/${recipient}.pem`,
  });
}

function fingerprintOf(pem: string): string {
  return keyFingerprint(createPublicKey(pem));
}

function lost(driller: string, path: string, recipient: RecipientName): CoffreError {
  return new CoffreError(
    'refused',
    `cannot let ${driller} open backups: the inventory has a public key for ${recipient}, and there is no key at ${path}`,
    {
      hint: `bring the private key there; or have a new one made: name another recipient in drillers/${driller}.yaml`,
    },
  );
}
