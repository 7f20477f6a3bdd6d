import { createPublicKey, type KeyObject } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import { unwrapPassphrase } from '../seal/envelope.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { sha256Of } from '../system/files.ts';

/** By what a run is opened: a recipient's private key, or somebody elsewhere who has one. */
export type Opening =
  | { readonly kind: 'key'; readonly privateKey: KeyObject }
  /** Is shown the copy of the run, and gives the passphrase of this one run. The key stays where it is. */
  | { readonly kind: 'asked'; readonly ask: (manifest: Manifest, reader: RunReader) => Promise<Passphrase> };

/** The passphrase of a run. Throws `private-key`, `verification-failed`, or what the one who was asked answers. */
export async function passphraseOf(opening: Opening, manifest: Manifest, reader: RunReader): Promise<Passphrase> {
  switch (opening.kind) {
    case 'key':
      return await unwrapRun(opening.privateKey, manifest, reader.where, (file) => readSmall(reader, file));
    case 'asked':
      return await opening.ask(manifest, reader);
  }
}

/**
 * The run's passphrase, out of the envelope that was made for the owner of this key. `read` gives an envelope by its name in
 * the copy at `where`. Throws `private-key`; `verification-failed` when the copy has not the envelope that was signed.
 */
export async function unwrapRun(
  privateKey: KeyObject,
  manifest: Manifest,
  where: string,
  read: (file: string) => Promise<Buffer | undefined>,
): Promise<Passphrase> {
  const fingerprint = sha256Of(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  const recipient = manifest.recipients.find((each) => each.fingerprint === fingerprint);
  if (!recipient) {
    const names = manifest.recipients.map(({ name }) => name).join(', ');
    throw new CoffreError('private-key', `cannot open ${manifest.run}: this private key is none of its recipients'`, {
      hint: `use the key of one of: ${names}; compare fingerprints with: npx zx tasks/keys.ts list`,
    });
  }
  const { file, sha256 } = recipient.wrappedKey;
  const wrapped = await read(file);
  if (wrapped && sha256Of(wrapped) === sha256) return unwrapPassphrase(wrapped, privateKey);
  throw new CoffreError(
    'verification-failed',
    `cannot use ${file} of ${where}: ${wrapped ? 'its digest differs' : 'it is missing'}`,
    {
      hint: `take ${file} from another copy of the run: store, export, offsite, or ${manifest.host}'s keys folder`,
    },
  );
}
