import { createPublicKey, type KeyObject } from 'node:crypto';
import { CoffreError } from '../model/error.ts';
import { keyFingerprint } from '../model/key-fingerprint.ts';
import type { Sha256 } from '../model/names.ts';

/** Under this an RSA key is not fit to guard data for years. Source: NIST SP 800-57 part 1, table 2. */
const LEAST_BITS = 3072;

export interface PublicKeyFacts {
  /** SHA-256 of the DER SubjectPublicKeyInfo: `openssl pkey -pubin -in x.pem -outform DER | sha256sum`. */
  readonly fingerprint: Sha256;
  readonly bits: number;
}

/**
 * What a recipient's PEM file holds, a public key or a certificate of one. Throws `inventory` when it is neither, is a private key, is not RSA, or
 * has fewer than 3072 bits. `name` stands in the message.
 */
export function describePublicKey(pem: string, name: string): PublicKeyFacts {
  const refuse = (why: string) =>
    new CoffreError('inventory', `cannot take ${name} as a recipient: ${why}`, {
      hint: `make a new key: npx zx tasks/keys.ts new ${name}`,
    });
  if (/PRIVATE KEY/.test(pem)) throw refuse('the file holds a private key, which must never be in the inventory');
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch {
    throw refuse('the file is not a public key or a certificate in PEM');
  }
  if (key.asymmetricKeyType !== 'rsa') throw refuse(`the key is ${key.asymmetricKeyType}, not RSA`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < LEAST_BITS) throw refuse(`the key has ${bits} bits, fewer than ${LEAST_BITS}`);
  return { fingerprint: keyFingerprint(key), bits };
}
