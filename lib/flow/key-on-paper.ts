import { createPublicKey, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import type { Inventory } from '../model/inventory.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import type { Sha256 } from '../model/names.ts';
import { renderPaper } from '../report/page/paper-page.ts';
import { paperKey, readPaperKey } from '../seal/paper-key.ts';
import { createDurably, readRequired } from '../system/files.ts';
import { learnSecret } from '../system/known-secrets.ts';
import { assertOutside } from './outside-inventory.ts';

export interface PaperOrder {
  readonly privateKeyPath: string;
  /** The key of that file, opened: so its passphrase is known today. */
  readonly privateKey: KeyObject;
  /** Says whose key it is; null where there is none. */
  readonly inventory: Inventory | null;
  readonly inventoryFolder: string;
  /** Where the page goes: to no place that Git publishes. */
  readonly out: string;
  readonly now: Date;
}

export interface PaperMade {
  /** Whose key it is, by the inventory. */
  readonly name: string | null;
  readonly fingerprint: Sha256;
  readonly sha256: string;
  readonly out: string;
}

/** Writes a page with the key as it is in its file, under its passphrase. Throws `private-key`, and `refused` for a file that is there. */
export async function putOnPaper(order: PaperOrder): Promise<PaperMade> {
  const out = resolve(order.out);
  await assertOutside(out, order.inventoryFolder);
  const text = (await readRequired(order.privateKeyPath)).toString('utf8');
  learnSecret(text);
  const { header, lines, sha256 } = paperKey(text);
  const fingerprint = keyFingerprint(createPublicKey(order.privateKey));
  const { recipients = new Map(), retired = [] } = order.inventory ?? {};
  const known = [...recipients.values(), ...retired];
  const name = known.find(({ publicKey }) => keyFingerprint(createPublicKey(publicKey)) === fingerprint)?.name ?? null;
  const page = renderPaper({ name, fingerprint, sha256, header, lines, madeAt: order.now });
  await createDurably(out, page, 0o600);
  return { name, fingerprint, sha256, out };
}

/** Writes the file of a private key out of what was typed, or scanned, from paper. Throws `verification-failed`, and `refused`. */
export async function readFromPaper(typed: string, out: string, inventoryFolder: string): Promise<string> {
  const path = resolve(out);
  await assertOutside(path, inventoryFolder);
  const pem = readPaperKey(typed);
  learnSecret(pem);
  await createDurably(path, pem, 0o600);
  return path;
}
