import { constants, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
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
 * The same for somebody who becomes a recipient of a run that is signed already. `label` binds the envelope to that run: it is
 * the label L of OAEP, and whoever opens it has to say the same one.
 */
export function wrapLater(publicKeyPem: string, passphrase: Passphrase, label: Buffer): Buffer {
  const key = { key: publicKeyPem, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: label };
  return publicEncrypt(key, Buffer.from(passphrase.reveal(), 'latin1'));
}

/**
 * The passphrase out of its envelope. OpenSSL does this half, in constant time, with a key that never becomes a
 * JavaScript value. Throws `private-key` when this key is not the one that the envelope was made for.
 */
export function unwrapPassphrase(wrapped: Buffer, privateKey: KeyObject, label?: Buffer): Passphrase {
  let text: Buffer;
  try {
    const key = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    text = privateDecrypt(label ? { ...key, oaepLabel: label } : key, wrapped);
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
