import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { fieldBytesOf, parseSshPublicKey, type SshPublicKey } from '../model/ssh-public-key.ts';
import { splitStrings, unsignedOf } from '../model/ssh-wire.ts';
import { type Sshsig, signedBytes } from './sshsig.ts';

/** A key as OpenSSL takes it, and what a signature by it is called. */
export interface VerifyingKey {
  readonly key: KeyObject;
  readonly parsed: SshPublicKey;
}

const CURVES = { nistp256: 'P-256', nistp384: 'P-384', nistp521: 'P-521' } as const;
const ECDSA_HASHES = { nistp256: 'sha256', nistp384: 'sha384', nistp521: 'sha512' } as const;
const RSA_HASHES: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };

/** The key in an OpenSSH public key blob; undefined when it is none that is taken, such as a point that is not on its curve. */
export function verifyingKeyOf(blob: Buffer): VerifyingKey | undefined {
  const parsed = parseSshPublicKey(blob);
  if (!parsed) return undefined;
  try {
    return { parsed, key: createPublicKey({ key: jwkOf(parsed), format: 'jwk' }) };
  } catch {
    return undefined;
  }
}

/**
 * Whether the holder of `key` made `sig` over `message`. That it is the key which `sig` names is for the caller to see. The
 * mathematics are done in a thread of Node's own, so that several signatures are checked at once.
 */
export async function isSignedBy({ key, parsed }: VerifyingKey, sig: Sshsig, message: Uint8Array): Promise<boolean> {
  const bytes = signedBytes(message, sig.hash);
  switch (parsed.kind) {
    case 'ed25519':
      return sig.algorithm === 'ssh-ed25519' && sig.signature.length === 64 && isGood(null, bytes, key, sig.signature);
    case 'ecdsa': {
      const signature = halvesOf(sig.signature, fieldBytesOf(parsed.curve));
      const isNamed = sig.algorithm === `ecdsa-sha2-${parsed.curve}`;
      if (!isNamed || !signature) return false;
      return isGood(ECDSA_HASHES[parsed.curve], bytes, { key, dsaEncoding: 'ieee-p1363' }, signature);
    }
    case 'rsa': {
      const hash = RSA_HASHES[sig.algorithm];
      return (
        hash !== undefined && sig.signature.length === parsed.modulus.length && isGood(hash, bytes, key, sig.signature)
      );
    }
  }
}

const isGood = promisify(verify);

function jwkOf(key: SshPublicKey) {
  const text = (bytes: Buffer) => bytes.toString('base64url');
  switch (key.kind) {
    case 'ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: text(key.point) };
    case 'ecdsa':
      return { kty: 'EC', crv: CURVES[key.curve], x: text(key.x), y: text(key.y) };
    case 'rsa':
      return { kty: 'RSA', e: text(key.exponent), n: text(key.modulus) };
  }
}

/** Both numbers of an ecdsa signature at full width, one behind the other. */
function halvesOf(signature: Buffer, bytes: number): Buffer | undefined {
  const [r, s, ...rest] = (splitStrings(signature) ?? []).map(unsignedOf);
  if (!r || !s || rest.length > 0 || r.length > bytes || s.length > bytes) return undefined;
  return Buffer.concat([Buffer.alloc(bytes - r.length), r, Buffer.alloc(bytes - s.length), s]);
}
