import { SIGNATURE_NAMESPACE } from '../model/allowed-signers.ts';
import type { DrillRecord, SignedDrill } from '../model/drill-record.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest, SignedManifest } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import type { HostRecord, SignedHostRecord } from '../model/record.ts';
import { assertNotKilled, run } from '../system/command.ts';
import { sha256Of } from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';
import { encodeDrill, encodeHostRecord, encodeManifest } from './canonical.ts';
import { readSigningKey, signingKeyPath } from './signing-key.ts';

const ARMOR = /^-----BEGIN SSH SIGNATURE-----\n[A-Za-z0-9+/=\n]+\n-----END SSH SIGNATURE-----\n$/;

/** Signs the canonical bytes of `manifest` with the host's own key; never of one into which real names were put. */
export async function signManifest(
  manifest: Manifest & { readonly revealed?: never },
  stateFolder: string,
): Promise<SignedManifest> {
  const bytes = encodeManifest(manifest);
  return { manifest, bytes, signature: await signBytes(bytes, stateFolder, manifest.host), sha256: sha256Of(bytes) };
}

/** Signs the canonical bytes of the record of a drill with the driller's own key. */
export async function signDrill(record: DrillRecord, stateFolder: string): Promise<SignedDrill> {
  const bytes = encodeDrill(record);
  return { record, bytes, signature: await signBytes(bytes, stateFolder, record.driller), sha256: sha256Of(bytes) };
}

/** Signs the canonical bytes of what a host puts on record beside its runs, with the host's own key. */
export async function signHostRecord(record: HostRecord, stateFolder: string): Promise<SignedHostRecord> {
  const bytes = encodeHostRecord(record);
  return { record, bytes, signature: await signBytes(bytes, stateFolder, record.host), sha256: sha256Of(bytes) };
}

/**
 * An armored SSHSIG (OpenSSH PROTOCOL.sshsig) over `bytes`, by the host's own key. The bytes go through standard input:
 * for a file that has a `.sig` beside it, ssh-keygen may sign nothing and say 0. Throws what `readSigningKey` throws
 * where that is why it cannot.
 */
export async function signBytes(bytes: Buffer, stateFolder: string, host: HostName): Promise<Buffer> {
  const key = signingKeyPath(stateFolder);
  const signed = await run(requireProgram('ssh-keygen'), ['-Y', 'sign', '-f', key, '-n', SIGNATURE_NAMESPACE], {
    input: bytes,
  });
  if (signed.exitCode === 0 && ARMOR.test(signed.stdout)) return Buffer.from(signed.stdout);
  assertNotKilled('ssh-keygen', signed);
  await readSigningKey(stateFolder, host);
  throw new CoffreError('unexpected', `cannot sign for ${host}: ssh-keygen does not take ${key}`, {
    hint: `look at: ls -l ${key}; it must be an ed25519 key without passphrase, mode 0600`,
  });
}
