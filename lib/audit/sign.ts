import { SIGNATURE_NAMESPACE } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest, SignedManifest } from '../model/manifest.ts';
import { run } from '../system/command.ts';
import { sha256Of } from '../system/files.ts';
import { requireProgram } from '../system/programs.ts';
import { encodeManifest } from './canonical.ts';
import { signingKeyPath } from './signing-key.ts';

const ARMOR = /^-----BEGIN SSH SIGNATURE-----\n[A-Za-z0-9+/=\n]+\n-----END SSH SIGNATURE-----\n$/;

/**
 * Signs the canonical bytes of `manifest` with the host's own key: an armored SSHSIG (OpenSSH PROTOCOL.sshsig).
 * The bytes go through standard input: for a file that has a `.sig` beside it, ssh-keygen may sign nothing and say 0.
 */
export async function signManifest(manifest: Manifest, stateFolder: string): Promise<SignedManifest> {
  const key = signingKeyPath(stateFolder);
  const bytes = encodeManifest(manifest);
  const signed = await run(requireProgram('ssh-keygen'), ['-Y', 'sign', '-f', key, '-n', SIGNATURE_NAMESPACE], {
    input: bytes,
  });
  if (signed.exitCode !== 0 || !ARMOR.test(signed.stdout)) {
    throw new CoffreError(
      'unexpected',
      `cannot sign the manifest of ${manifest.run}: ssh-keygen does not take ${key}`,
      {
        hint: `make the host's signing key with: npx zx tasks/keys.ts signer ${manifest.host}`,
      },
    );
  }
  return { manifest, bytes, signature: Buffer.from(signed.stdout), sha256: sha256Of(bytes) };
}
