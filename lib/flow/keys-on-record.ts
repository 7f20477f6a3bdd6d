import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { signingKeyPath } from '../audit/signing-key.ts';
import { formerSlice } from '../inventory/slice.ts';
import { parseAllowedSigners } from '../model/allowed-signers.ts';
import type { HostConfig } from '../model/inventory.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import { RecipientName, Sha256 } from '../model/names.ts';
import type { KeyRotationRecord } from '../model/provision-record.ts';
import { signerFingerprint } from '../model/signer-fingerprint.ts';
import type { Slice } from '../model/slice.ts';
import { exists, readIfPresent, writeDurably } from '../system/files.ts';
import { publicHalf } from '../system/ssh-key.ts';

/** Whom a host seals for and by which key it signs, as fingerprints. */
const HostKeys = z.strictObject({ recipients: z.record(RecipientName, Sha256), signer: z.string().nullable() });
export type HostKeys = z.infer<typeof HostKeys>;

const pathOf = (host: HostConfig) => join(host.state.path, 'keys-on-record.json');

/**
 * The keys that the host's records speak of, by what was written down when they were last put on record; else by its slice as it
 * was written before. undefined for a host that has never been provisioned.
 */
export async function readKeysOnRecord(host: HostConfig): Promise<HostKeys | undefined> {
  const written = await readIfPresent(pathOf(host));
  const kept = written && HostKeys.safeParse(jsonIn(written)).data;
  if (kept) return kept;
  const recipients = z.record(RecipientName, Sha256).safeParse((await formerSlice(host.settings.path))?.fingerprints);
  if (!recipients.success) return undefined;
  const text = (await readIfPresent(join(host.settings.path, 'allowed_signers')))?.toString('utf8') ?? '';
  const former = parseAllowedSigners(text).signers.find((signer) => signer.host === host.name && !signer.retired);
  return { recipients: recipients.data, signer: former ? signerFingerprint(former.publicKey) : null };
}

export async function writeKeysOnRecord(host: HostConfig, keys: HostKeys): Promise<void> {
  const text = `${JSON.stringify(keys)}\n`;
  if ((await readIfPresent(pathOf(host)))?.toString('utf8') !== text) await writeDurably(pathOf(host), text, 0o600);
}

/** The keys of the host as they are now; undefined while it has none to sign with. */
export async function keysNow({ host, recipients }: Slice): Promise<(HostKeys & { signer: string }) | undefined> {
  const path = signingKeyPath(host.state.path);
  const publicKey = (await exists(path)) ? await publicHalf(path) : undefined;
  if (publicKey === undefined) return undefined;
  const fingerprints = recipients.map(({ name, publicKey: pem }) => [name, keyFingerprint(createPublicKey(pem))]);
  return {
    recipients: Object.fromEntries(fingerprints) as HostKeys['recipients'],
    signer: signerFingerprint(publicKey),
  };
}

/** What has changed from `before` to `now`, for a record each. */
export function rotationsOf(
  before: HostKeys,
  now: HostKeys,
): readonly Pick<KeyRotationRecord, 'of' | 'added' | 'removed'>[] {
  const named = ({ recipients }: HostKeys) =>
    Object.entries(recipients).map(([name, fingerprint]) => ({ name: RecipientName.parse(name), fingerprint }));
  const without = (keys: ReturnType<typeof named>, others: ReturnType<typeof named>) =>
    keys.filter((key) => !others.some(({ name, fingerprint }) => name === key.name && fingerprint === key.fingerprint));
  const [added, removed] = [without(named(now), named(before)), without(named(before), named(now))];
  const signer = (fingerprint: string | null) => (fingerprint === null ? [] : [{ name: null, fingerprint }]);
  return [
    ...(added.length + removed.length === 0 ? [] : [{ of: 'recipients' as const, added, removed }]),
    ...(before.signer === null || before.signer === now.signer
      ? []
      : [{ of: 'signer' as const, added: signer(now.signer), removed: signer(before.signer) }]),
  ];
}

function jsonIn(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
}
