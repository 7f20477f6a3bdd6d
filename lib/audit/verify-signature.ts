import { isValidAt } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { TrustedManifest } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { sha256Of } from '../system/files.ts';
import { parseManifest } from './canonical.ts';
import { COPY_HINTS, signatureFault, validityFault } from './signature-fault.ts';
import { fingerprintOf, type SignerSet, type SigningKey, signerSetOf } from './signer-set.ts';
import { parseSshsig, type Sshsig } from './sshsig.ts';
import type { Invalidity, Verdict } from './verdict.ts';
import { isSignedBy } from './verify-sshsig.ts';

interface Signed {
  readonly bytes: Buffer;
  readonly signature: Buffer;
  /** Whose record the caller means to have. */
  readonly host: HostName;
}

interface Claim extends Signed {
  /** Text of the inventory's `allowed_signers`; never one that came with the manifest. */
  readonly allowedSigners: string;
  readonly run: RunId;
}

/**
 * The manifest in `bytes`, once it is proven that a key of `host` signed these very bytes, that the key was valid when the
 * run says it ended, and that they speak of `host` and `run`: an older manifest, or that of another host, is not taken for
 * the one that was asked for. Throws `verification-failed`.
 */
export async function verifyManifest({ allowedSigners, run, ...signed }: Claim): Promise<TrustedManifest> {
  const { bytes, signature, host } = signed;
  const refuse = (cause: string, hint: string) =>
    new CoffreError('verification-failed', `cannot trust the manifest of ${host} ${run}: ${cause}`, { hint });
  const verdict = await judgeSignature(signed, signerSetOf(allowedSigners));
  switch (verdict.kind) {
    case 'valid':
      break;
    case 'no signer':
    case 'invalid': {
      const { message, hint } = signatureFault(verdict, { who: 'this host', name: host, ...COPY_HINTS });
      throw refuse(message, hint);
    }
  }
  const manifest = parseManifest(bytes);
  if (manifest.host !== host || manifest.run !== run) {
    const told = `it speaks of ${manifest.host} ${manifest.run}`;
    throw refuse(told, 'one manifest stands in the place of another: find out who has put it there');
  }
  if (!wasValid(verdict.by, new Date(manifest.finishedAt))) {
    const { message, hint } = validityFault(verdict.by, manifest.finishedAt);
    throw refuse(message, hint);
  }
  return { manifest, bytes, signature, sha256: sha256Of(bytes) } as unknown as TrustedManifest;
}

/** Which key of `host` made `signature` over `bytes`. By exact equality of host and key: no patterns, no authorities. */
export async function judgeSignature({ bytes, signature, host }: Signed, signers: SignerSet): Promise<Verdict> {
  const keys = signers.get(host) ?? [];
  if (keys.length === 0) return { kind: 'no signer' };
  const sig = read(signature);
  if ('cause' in sig) return { kind: 'invalid', why: { kind: 'unreadable', cause: sig.cause } };
  const by = keys.find(({ blob }) => blob.equals(sig.publicKey));
  if (!by) return { kind: 'invalid', why: await strangerOf(sig, bytes, signers) };
  if (await isSignedBy(by.key, sig, bytes)) return { kind: 'valid', by };
  return { kind: 'invalid', why: { kind: 'bytes', signer: host } };
}

/** Whose signature it is, where it is not by a key of the host. */
async function strangerOf(sig: Sshsig, bytes: Buffer, signers: SignerSet): Promise<Invalidity> {
  for (const [signer, keys] of signers) {
    const by = keys.find(({ blob }) => blob.equals(sig.publicKey));
    if (by) return { kind: (await isSignedBy(by.key, sig, bytes)) ? 'signer' : 'bytes', signer };
  }
  return { kind: 'unknown key', fingerprint: fingerprintOf(sig.publicKey) };
}

/** Whether one of the lines of `allowed_signers` that have this key is for that time. */
export function wasValid({ lines }: SigningKey, at: Date): boolean {
  return lines.some((line) => isValidAt(line, at));
}

/**
 * Whether a key of `host` in `allowedSigners` made `signature` over `bytes`: what ssh-keygen(1) -Y verify says, in this
 * process. Where `at` is given the key has to be valid then.
 */
export async function checkSignature({
  allowedSigners,
  at,
  ...signed
}: Omit<Claim, 'run'> & { readonly at?: Date }): Promise<Verdict['kind']> {
  const verdict = await judgeSignature(signed, signerSetOf(allowedSigners));
  return verdict.kind === 'valid' && at && !wasValid(verdict.by, at) ? 'invalid' : verdict.kind;
}

function read(signature: Buffer): Sshsig | { readonly cause: string } {
  try {
    return parseSshsig(signature);
  } catch (error) {
    if (error instanceof CoffreError && error.code === 'verification-failed')
      return { cause: error.message.replace(/^.*?: /, '') };
    throw error;
  }
}
