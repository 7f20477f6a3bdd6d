import { verifyManifest } from '../audit/verify-signature.ts';
import { CoffreError } from '../model/error.ts';
import type { TrustedManifest } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { MANIFEST_FILE, SIGNATURE_FILE } from './run-files.ts';

/**
 * The manifest of a copy, once it is proven that `host` signed it, for this very run. Throws `verification-failed`.
 * `allowedSigners` is the inventory's, never one that came with the copy.
 */
export async function readManifest(
  reader: RunReader,
  host: HostName,
  run: RunId,
  allowedSigners: string,
): Promise<TrustedManifest> {
  const [bytes, signature] = [await readSmall(reader, MANIFEST_FILE), await readSmall(reader, SIGNATURE_FILE)];
  if (bytes && signature) return await verifyManifest({ bytes, signature, allowedSigners, host, run });
  const missing = bytes ? SIGNATURE_FILE : MANIFEST_FILE;
  throw new CoffreError('verification-failed', `cannot trust ${reader.where}: it has no ${missing}`, {
    hint: 'take another copy of the run: npx zx tasks/list.ts',
  });
}
