import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allowedSignersLine, parseAllowedSigners, SIGNATURE_NAMESPACE } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { TrustedManifest } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { run as runProgram } from '../system/command.ts';
import { sha256Of } from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';
import { parseManifest } from './canonical.ts';

interface Claim {
  readonly bytes: Buffer;
  readonly signature: Buffer;
  /** Text of the inventory's `allowed_signers`; never one that came with the manifest. */
  readonly allowedSigners: string;
  /** Whose manifest, and of which run, the caller means to have. */
  readonly host: HostName;
  readonly run: RunId;
}

const SIGNATURE_LIMIT_BYTES = 16 * 1024;

/**
 * The manifest in `bytes`, once it is proven that a key of `host` signed these very bytes and that they speak of
 * `host` and `run`: an older manifest, or that of another host, is not taken for the one that was asked for.
 * Throws `verification-failed`.
 */
export async function verifyManifest(claim: Claim): Promise<TrustedManifest> {
  const { bytes, signature, host, run } = claim;
  const refuse = (cause: string, hint: string) =>
    new CoffreError('verification-failed', `cannot trust the manifest of ${host} ${run}: ${cause}`, { hint });
  const verdict = await checkSignature(claim);
  switch (verdict) {
    case 'valid':
      break;
    case 'no signer':
      throw refuse(
        'the inventory names no key that may sign for this host',
        'see signers/allowed_signers in the inventory',
      );
    case 'invalid':
      throw refuse(
        'its signature is not one of this host over these bytes',
        'fetch it again from another copy: the store, the offsite, or the audit repository',
      );
  }
  const manifest = parseManifest(bytes);
  if (manifest.host !== host || manifest.run !== run) {
    const told = `it speaks of ${manifest.host} ${manifest.run}`;
    throw refuse(told, 'one manifest stands in the place of another: find out who has put it there');
  }
  return { manifest, bytes, signature, sha256: sha256Of(bytes) } as unknown as TrustedManifest;
}

/** Whether a key of `host` in `allowedSigners` made `signature` over `bytes`: ssh-keygen(1) -Y verify. */
export async function checkSignature(claim: Omit<Claim, 'run'>): Promise<'valid' | 'invalid' | 'no signer'> {
  const { bytes, signature, host } = claim;
  if (signature.length > SIGNATURE_LIMIT_BYTES) return 'invalid';
  // Only plain lines of exactly this host reach ssh-keygen, which would also take patterns and authorities.
  const lines = parseAllowedSigners(claim.allowedSigners)
    .signers.filter((signer) => signer.host === host)
    .map((signer) => allowedSignersLine(host, signer.publicKey));
  if (lines.length === 0) return 'no signer';
  const folder = await mkdtemp(join(tmpdir(), 'coffre-verify-'));
  try {
    const [signersFile, signatureFile] = [join(folder, 'allowed_signers'), join(folder, 'signature')];
    await Promise.all([writeFile(signersFile, `${lines.join('\n')}\n`), writeFile(signatureFile, signature)]);
    const args = ['-Y', 'verify', '-f', signersFile, '-I', host, '-n', SIGNATURE_NAMESPACE, '-s', signatureFile];
    const ended = await runProgram(requireProgram('ssh-keygen'), args, { input: bytes, timeoutMs: 60_000 });
    return ended.exitCode === 0 ? 'valid' : 'invalid';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
