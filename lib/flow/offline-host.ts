import { resolve } from 'node:path';
import { signatureKey } from '../audit/signature-key.ts';
import { allowedSignersLine, parseAllowedSigners } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import { HostConfig, type Inventory } from '../model/inventory.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { readSmall } from '../storage/run-reader.ts';
import { readRequired } from '../system/files.ts';
import { openPlace, openRunAt } from './find-copy.ts';
import { peekManifest } from './peek-manifest.ts';
import { MANIFEST_FILE, SIGNATURE_FILE } from './run-files.ts';

/** Whose signature counts, where there is no inventory that says it. */
export type Trust =
  | { readonly kind: 'signers'; readonly path: string }
  /** `SHA256:…` of the host's signing key, which somebody has on paper. */
  | { readonly kind: 'fingerprint'; readonly fingerprint: string };

/** A host of which nothing is known but a folder with its runs, and who may sign for it. */
export interface OfflineHost {
  readonly host: HostConfig;
  readonly inventory: Inventory;
}

/**
 * Makes up for the inventory on a machine that has none: the host's name is that in the manifest, which counts only once
 * its signature does. Throws `not-found`, `usage`, and `verification-failed` where another key has signed.
 */
export async function offlineHost(folder: string, run: RunId | undefined, trust: Trust): Promise<OfflineHost> {
  const stub = hostAt(folder, 'offline' as HostName);
  const place = await openPlace(stub, folder.includes('/') ? folder : `./${folder}`);
  try {
    const { reader } = await openRunAt(place, run);
    const [bytes, signature] = [await readSmall(reader, MANIFEST_FILE), await readSmall(reader, SIGNATURE_FILE)];
    if (!bytes || !signature) {
      const missing = bytes ? SIGNATURE_FILE : MANIFEST_FILE;
      throw new CoffreError('verification-failed', `cannot trust ${reader.where}: it has no ${missing}`, {
        hint: 'take another copy of the run',
      });
    }
    const name = (await peekManifest(reader, bytes)).host;
    const allowedSigners =
      trust.kind === 'signers'
        ? await readSigners(trust.path)
        : signerBy(trust.fingerprint, signature, name, reader.where);
    const host = hostAt(folder, name);
    return {
      host,
      inventory: { folder, hosts: new Map([[name, host]]), recipients: new Map(), drillers: new Map(), allowedSigners },
    };
  } finally {
    place.close();
  }
}

/** Its runs are in its store; whatever else a host has is nowhere. */
function hostAt(folder: string, name: HostName): HostConfig {
  const nowhere = '/nonexistent';
  const config = HostConfig.parse({
    database: { socket: '/run/mysqld/mysqld.sock', account: { user: 'root', from: 'localhost' } },
    schedule: '0 4 * * *',
    store: { path: resolve(folder), mount: 'none' },
    export: { path: nowhere },
    recipients: [],
    audit: { kind: 'git', remote: nowhere },
  });
  return { ...config, name };
}

async function readSigners(path: string): Promise<string> {
  const hint = 'name the file signers/allowed_signers of the inventory: --signers FILE';
  const text = (await readRequired(path, hint)).toString('utf8');
  const [fault] = parseAllowedSigners(text).faults;
  if (!fault) return text;
  throw new CoffreError('usage', `cannot read ${path}: line ${fault.line}: ${fault.message}`, { hint });
}

function signerBy(fingerprint: string, signature: Buffer, host: HostName, where: string): string {
  const key = signatureKey(signature);
  if (key?.fingerprint === fingerprint) return allowedSignersLine(host, key.publicKey);
  const found = key ? `it was signed by ${key.fingerprint}` : 'its signature cannot be read';
  throw new CoffreError('verification-failed', `cannot trust ${where}: ${found}, and not by ${fingerprint}`, {
    hint: 'compare with what was written down when the host was set up: ssh-keygen -lf signing.pub; take another copy',
  });
}
