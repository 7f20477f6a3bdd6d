import { createHash, type KeyObject } from 'node:crypto';
import { Sha256 } from './names.ts';

/** SHA-256 of the DER SubjectPublicKeyInfo: `openssl pkey -pubin -in x.pem -outform DER | sha256sum`. */
export function keyFingerprint(key: KeyObject): Sha256 {
  return Sha256.parse(
    createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
  );
}
