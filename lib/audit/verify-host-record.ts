import { CoffreError } from '../model/error.ts';
import type { HostName } from '../model/names.ts';
import type { SignedHostRecord } from '../model/record.ts';
import { type RunId, runIdAt } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { parseHostRecord } from './canonical.ts';
import { signatureFault } from './signature-fault.ts';
import { signerSetOf } from './signer-set.ts';
import { judgeSignature } from './verify-signature.ts';

const ORIGIN = 'see who put it there: npx zx tasks/validate.ts';

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
  const refuse = (cause: string, hint = ORIGIN) =>
    new CoffreError('verification-failed', `cannot trust the ${kind} of ${host} at ${name}: ${cause}`, { hint });
  const verdict = await judgeSignature({ bytes, signature, host }, signerSetOf(claim.allowedSigners));
  if (verdict.kind !== 'valid') {
    const hints = { origin: ORIGIN, unreadable: ORIGIN, changed: ORIGIN };
    const fault = signatureFault(verdict, { who: 'this host', name: host, ...hints });
    throw refuse(fault.message, fault.hint);
  }
  const parsed = parseHostRecord(bytes);
  const said = 'record' in parsed ? parsed.record : parsed.header;
  const at = runIdAt(new Date(said.startedAt));
  if (said.host !== host || said.kind !== kind || at !== name)
    throw refuse(`it speaks of a ${said.kind} of ${said.host} at ${at}`);
  return { ...parsed, bytes, signature, sha256: sha256Of(bytes) };
}
