import { parseManifest } from '../audit/canonical.ts';
import { signatureKey } from '../audit/signature-key.ts';
import { checkSignature } from '../audit/verify-signature.ts';
import { allowedSignersLine } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import { HostName } from '../model/names.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { MANIFEST_FILE, SIGNATURE_FILE } from './run-files.ts';

/** A signature is told by its own key whether it is of these bytes; whose key that is, is another question. */
const ANYBODY = HostName.parse('anybody');

/**
 * What the manifest of a copy says of itself, to find out which run and host to ask for: to be believed only once it is known who
 * has signed it. Throws `verification-failed`: for bytes that are damaged, before a word of what they say.
 */
export async function peekManifest(reader: RunReader, bytes: Buffer): Promise<Manifest> {
  const signature = await readSmall(reader, SIGNATURE_FILE);
  const key = signature && signatureKey(signature);
  if (signature && key) {
    const allowedSigners = allowedSignersLine(ANYBODY, key.publicKey);
    const verdict = await checkSignature({ bytes, signature, allowedSigners, host: ANYBODY });
    if (verdict !== 'valid') {
      throw new CoffreError(
        'verification-failed',
        `cannot trust ${reader.where}: its ${MANIFEST_FILE} is damaged, or not the one that ${SIGNATURE_FILE} was made for`,
        { hint: 'take another copy of the run: npx zx tasks/list.ts' },
      );
    }
  }
  return parseManifest(bytes);
}
