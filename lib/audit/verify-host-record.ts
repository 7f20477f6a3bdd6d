import { CoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import type { SignedHostRecord } from '../model/record.ts';
import { type RunId, runIdAt } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { parseHostRecord } from './canonical.ts';
import { checkSignature } from './verify-signature.ts';

interface Claim {
  readonly bytes: Buffer;
  readonly signature: Buffer;
  /** Text of the inventory's `allowed_signers`. */
  readonly allowedSigners: string;
  readonly host: HostName;
  /** Of which kind it is to be, and when it is to have begun. */
  readonly kind: string;
  readonly name: RunId;
}

/**
 * What a host has put on record beside its runs, once it is proven that a key of `host` signed these very bytes and that they
 * are what they stand there for. Throws `verification-failed`.
 */
export async function verifyHostRecord(claim: Claim): Promise<SignedHostRecord> {
  const { bytes, signature, host, kind, name } = claim;
  const refuse = (cause: string) =>
    new CoffreError('verification-failed', `cannot trust the ${kind} of ${host} at ${name}: ${cause}`, {
      hint: 'see who put it there: npx zx tasks/validate.ts',
    });
  const verdict = await checkSignature({ bytes, signature, allowedSigners: claim.allowedSigners, host });
  if (verdict !== 'valid') {
    const none = 'the inventory names no key that may sign for this host';
    throw refuse(verdict === 'no signer' ? none : 'its signature is not one of this host over these bytes');
  }
  const parsed = parseHostRecord(bytes);
  const said = 'record' in parsed ? parsed.record : parsed.header;
  const at = runIdAt(new Date(said.startedAt));
  if (said.host !== host || said.kind !== kind || at !== name)
    throw refuse(`it speaks of a ${said.kind} of ${said.host} at ${at}`);
  return { ...parsed, bytes, signature, sha256: sha256Of(bytes) };
}
