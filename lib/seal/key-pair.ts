import { generateKeyPair as generate } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import { type CertificateWish, certify } from './certificate.ts';
import { encryptPrivateKey } from './private-key.ts';

const BITS = 4096;

/** The two halves of a recipient, each as the text of its PEM file. */
export interface KeyPair {
  /** SubjectPublicKeyInfo, or a certificate with it: goes into the inventory. */
  readonly publicKey: string;
  /** PKCS#8, under the passphrase if it has one: goes to its owner, never into the inventory. */
  readonly privateKey: string;
}

/** Makes an RSA-4096 key pair; with a `certificate` the public half is one, which ends. node-forge has OpenSSL find the primes, so this takes seconds and blocks nothing. */
export async function generateKeyPair(passphrase: string, certificate?: CertificateWish): Promise<KeyPair> {
  const pair = await new Promise<forge.pki.rsa.KeyPair>((resolve, reject) => {
    forge.pki.rsa.generateKeyPair({ bits: BITS }, (error: Error | null, made) => {
      if (error) reject(error);
      else resolve(made);
    });
  });
  return {
    publicKey: certificate
      ? certify(pair.privateKey, certificate)
      : forge.pki.publicKeyToPem(pair.publicKey).replaceAll('\r\n', '\n'),
    privateKey: await encryptPrivateKey(pair.privateKey, passphrase),
  };
}

/**
 * Makes one whose private half has no passphrase, as PKCS#8: for a machine that opens backups with nobody beside it. It MUST
 * NOT leave that machine.
 */
export async function generateOpenKeyPair(): Promise<KeyPair> {
  return await promisify(generate)('rsa', {
    modulusLength: BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
