import type { KeyObject } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import type { SignedManifest } from '../model/manifest.ts';
import type { RecipientName, Sha256 } from '../model/names.ts';
import { unwrapPassphrase } from '../seal/envelope.ts';
import type { Passphrase } from '../seal/passphrase.ts';

/*
 * Envelopes that were added to a run after its manifest was signed. Nobody signs them, and nobody has to: the label of each is
 * the digest of the signed manifest, so that none opens under any other run, and what comes out either opens what the
 * manifest vouches for, or does not. A forged one can be useless, and nothing else.
 */

const ADDED = /^[a-z0-9][a-z0-9_-]{0,62}-([0-9a-f]{16})\.key\.enc$/;
/** More than an RSA key of 16384 bits makes. */
export const LARGEST_ENVELOPE_BYTES = 2048;
/** As many are shown to whoever holds the key. */
const MOST_ADDED = 64;

/** `auditor-0123456789abcdef.key.enc`: never the name of one that is signed. */
export function addedFile(name: RecipientName, fingerprint: Sha256): string {
  return `${name}-${fingerprint.slice(0, 16)}.key.enc`;
}

/** Those among the files of a run that were added later, by their names. */
export function addedAmong(
  { manifest }: Pick<SignedManifest, 'manifest'>,
  names: readonly string[],
): readonly string[] {
  const signed = new Set(manifest.recipients.map(({ wrappedKey }) => wrappedKey.file));
  return names.filter((name) => ADDED.test(name) && !signed.has(name)).slice(0, MOST_ADDED);
}

/** What an envelope of this run is bound by. */
export function labelOf({ sha256 }: Pick<SignedManifest, 'sha256'>): Buffer {
  return Buffer.from(sha256, 'hex');
}

export interface AddedEnvelopes {
  /** For people. */
  readonly where: string;
  list(): Promise<readonly string[]>;
  read(file: string): Promise<Buffer | undefined>;
}

/** The passphrase out of an envelope that was added for this key; undefined when there is none. Throws `verification-failed`. */
export async function unwrapAdded(
  privateKey: KeyObject,
  fingerprint: Sha256,
  signed: Pick<SignedManifest, 'manifest' | 'sha256'>,
  { where, list, read }: AddedEnvelopes,
): Promise<Passphrase | undefined> {
  const wanted = fingerprint.slice(0, 16);
  const file = addedAmong(signed, await list()).find((name) => ADDED.exec(name)?.[1] === wanted);
  const wrapped = file === undefined ? undefined : await read(file);
  if (wrapped === undefined) return undefined;
  try {
    return unwrapPassphrase(wrapped, privateKey, labelOf(signed));
  } catch (error) {
    throw new CoffreError(
      'verification-failed',
      `cannot use ${file} of ${where}: it is damaged, or was made for another run`,
      {
        hint: 'take another copy of the run, or have it made anew: npx zx tasks/keys.ts rewrap',
        cause: error,
      },
    );
  }
}
