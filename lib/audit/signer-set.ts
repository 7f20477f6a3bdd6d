import { createHash } from 'node:crypto';
import { type AllowedSigner, parseAllowedSigners } from '../model/allowed-signers.ts';
import type { HostName } from '../model/names.ts';
import { type VerifyingKey, verifyingKeyOf } from './verify-sshsig.ts';

/** A key and the lines of `allowed_signers` that let it sign for one host: more than one where it has several times of validity. */
export interface SigningKey {
  /** As `ssh-keygen -l` prints it: `SHA256:…`. */
  readonly fingerprint: string;
  readonly blob: Buffer;
  readonly lines: readonly AllowedSigner[];
  readonly key: VerifyingKey;
}

/** Who may sign for which host. Read once, for any number of signatures. */
export type SignerSet = ReadonlyMap<HostName, readonly SigningKey[]>;

/** Reads the text of `allowed_signers`; lines that cannot be trusted at a glance are for `parseAllowedSigners` to name. */
export function signerSetOf(allowedSigners: string): SignerSet {
  const linesOf = new Map<HostName, Map<string, AllowedSigner[]>>();
  for (const signer of parseAllowedSigners(allowedSigners).signers) {
    const keys = linesOf.get(signer.host) ?? new Map<string, AllowedSigner[]>();
    keys.set(signer.publicKey, [...(keys.get(signer.publicKey) ?? []), signer]);
    linesOf.set(signer.host, keys);
  }
  return new Map(
    [...linesOf].map(([host, keys]) => [host, [...keys].flatMap(([text, lines]) => signingKey(text, lines))]),
  );
}

/** As `ssh-keygen -l` prints it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

function signingKey(publicKey: string, lines: readonly AllowedSigner[]): SigningKey[] {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  const key = verifyingKeyOf(blob);
  return key ? [{ fingerprint: fingerprintOf(blob), blob, lines, key }] : [];
}
