import { generateKeyPairSync } from 'node:crypto';
import type { KeyPair } from '../../lib/seal/key-pair.ts';
import { cachedKeyPair } from '../fixture/cached-key-pair.ts';

/** The passphrase of the private keys below. */
export const KEY_PASSPHRASE = 'correct horse · bättery "staple" $x';

/** One real RSA-4096 key pair for all tests. */
export function keyPair(): Promise<KeyPair> {
  return cachedKeyPair('seal', KEY_PASSPHRASE);
}

/** Another key, quickly made: 2048 bits unless told. */
export function plainKeyPair(modulusLength = 2048): KeyPair {
  return generateKeyPairSync('rsa', {
    modulusLength,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
