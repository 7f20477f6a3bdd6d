import { createPublicKey, type KeyObject } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { Inventory } from '../model/inventory.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import type { Manifest, SignedManifest } from '../model/manifest.ts';
import type { Sha256 } from '../model/names.ts';
import { unwrapPassphrase } from '../seal/envelope.ts';
import type { Passphrase } from '../seal/passphrase.ts';
import { type RunReader, readSmall } from '../storage/run-reader.ts';
import { sha256Of } from '../system/files.ts';
import { type AddedEnvelopes, unwrapAdded } from './added-envelope.ts';

/** By what a run is opened: a recipient's private key, or somebody elsewhere who has one. */
export type Opening =
  | { readonly kind: 'key'; readonly privateKey: KeyObject }
  /** Is shown the copy of the run, and gives the passphrase of this one run. The key stays where it is. */
  | { readonly kind: 'asked'; readonly ask: (manifest: Manifest, reader: RunReader) => Promise<Passphrase> };

/** Whose keys are known by name, as far as there is an inventory: only for what a person is told. */
export type KnownKeys = Pick<Inventory, 'recipients' | 'retired'>;

/** The passphrase of a run. Throws `private-key`, `verification-failed`, or what the one who was asked answers. */
export async function passphraseOf(
  opening: Opening,
  signed: Pick<SignedManifest, 'manifest' | 'sha256'>,
  reader: RunReader,
  known?: KnownKeys,
): Promise<Passphrase> {
  switch (opening.kind) {
    case 'key':
      return await unwrapRun(
        opening.privateKey,
        signed,
        { where: reader.where, list: () => reader.list(), read: (file) => readSmall(reader, file) },
        known,
      );
    case 'asked':
      return await opening.ask(signed.manifest, reader);
  }
}

/**
 * The run's passphrase, out of the envelope that was made for the owner of this key, when the run was sealed, or later. Throws `private-key`; `verification-failed` when the copy has not the envelope that was signed.
 */
export async function unwrapRun(
  privateKey: KeyObject,
  signed: Pick<SignedManifest, 'manifest' | 'sha256'>,
  copy: AddedEnvelopes,
  known?: KnownKeys,
): Promise<Passphrase> {
  const { manifest } = signed;
  const fingerprint = keyFingerprint(createPublicKey(privateKey));
  const recipient = manifest.recipients.find((each) => each.fingerprint === fingerprint);
  if (!recipient) {
    const added = await unwrapAdded(privateKey, fingerprint, signed, copy);
    if (added) return added;
    const names = manifest.recipients.map(({ name }) => name).join(', ');
    const why = whoseKey(fingerprint, manifest, known);
    const message = `cannot open ${manifest.run}: this private key is none of its recipients'${why}`;
    throw new CoffreError('private-key', message, {
      hint: `use the key of one of: ${names}; compare fingerprints with: npx zx tasks/keys.ts list`,
    });
  }
  const { file, sha256 } = recipient.wrappedKey;
  const wrapped = await copy.read(file);
  if (wrapped && sha256Of(wrapped) === sha256) return unwrapPassphrase(wrapped, privateKey);
  throw new CoffreError(
    'verification-failed',
    `cannot use ${file} of ${copy.where}: ${wrapped ? 'its digest differs' : 'it is missing'}`,
    {
      hint: `take ${file} from another copy of the run: store, export, offsite, or ${manifest.host}'s keys folder`,
    },
  );
}

/** After a rotation each of two keys has the same name, and a run is sealed for one of them. */
function whoseKey(fingerprint: Sha256, { recipients }: Manifest, known: KnownKeys | undefined): string {
  const fingerprintOf = ({ publicKey }: { readonly publicKey: string }) => keyFingerprint(createPublicKey(publicKey));
  const current = [...(known?.recipients.values() ?? [])].find((each) => fingerprintOf(each) === fingerprint);
  const retired = (known?.retired ?? []).find((each) => fingerprintOf(each) === fingerprint);
  const sealedFor = recipients.find(({ name }) => name === (current ?? retired)?.name);
  const short = sealedFor && `${sealedFor.fingerprint.slice(0, 16)}…`;
  if (current) {
    const now = `: it is the one that ${current.name} has now`;
    return short ? `${now}, and the run was sealed for the one before it (${short})` : now;
  }
  if (!retired) return '';
  const before = `: it is one that ${retired.name} had before`;
  return short ? `${before}, and the run was sealed for another one of ${retired.name} (${short})` : before;
}
