import { constants, createPublicKey, type KeyObject, privateDecrypt } from 'node:crypto';
import forge from 'node-forge';
import { CoffreError } from '../model/error.ts';
import { Passphrase } from './passphrase.ts';

/*
 * Envelope encryption: each recipient's RSA key wraps the one passphrase that seals the data of the run.
 * RSA-OAEP with SHA-256 as its hash and as the hash of its mask. Both are said out loud: the default of every library
 * here is SHA-1. Source: RFC 8017 section 7.1.
 */

/** The passphrase of a run for the owner of `publicKeyPem`, a public key or its certificate, as `<recipient>.key.enc` holds it. */
export function wrapPassphrase(publicKeyPem: string, passphrase: Passphrase): Buffer {
  const spki = createPublicKey(publicKeyPem).export({ type: 'spki', format: 'pem' }).toString();
  const key = forge.pki.publicKeyFromPem(spki);
  const wrapped = key.encrypt(passphrase.reveal(), 'RSA-OAEP', {
    md: forge.md.sha256.create(),
    mgf1: { md: forge.md.sha256.create() },
  });
  return Buffer.from(wrapped, 'latin1');
}

/**
 * The passphrase out of its envelope. OpenSSL does this half, in constant time, with a key that never becomes a
 * JavaScript value. Throws `private-key` when this key is not the one that the envelope was made for.
 */
export function unwrapPassphrase(wrapped: Buffer, privateKey: KeyObject): Passphrase {
  let text: Buffer;
  try {
    text = privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, wrapped);
  } catch {
    throw new CoffreError('private-key', 'cannot unwrap the passphrase of the run: it was wrapped for another key', {
      hint: 'compare fingerprints: npx zx tasks/keys.ts list; openssl pkey -in <key.pem> -pubout -outform DER | sha256sum',
    });
  }
  try {
    return Passphrase.parse(text.toString('latin1'));
  } finally {
    text.fill(0);
  }
}
