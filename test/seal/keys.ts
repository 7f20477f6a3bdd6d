import { generateKeyPairSync } from 'node:crypto';
import { generateKeyPair, type KeyPair } from '../../lib/seal/key-pair.ts';

/** The passphrase of the private keys below. */
export const KEY_PASSPHRASE = 'correct horse · bättery "staple" $x';

let made: Promise<KeyPair> | undefined;

/** One real RSA-4096 key pair for all tests of a file: making one takes seconds. */
export function keyPair(): Promise<KeyPair> {
  made ??= generateKeyPair(KEY_PASSPHRASE);
  return made;
}

/** Another key, quickly made: 2048 bits unless told. */
export function plainKeyPair(modulusLength = 2048): KeyPair {
  return generateKeyPairSync('rsa', {
    modulusLength,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
