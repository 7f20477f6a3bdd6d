import { splitStrings, unsignedOf } from './ssh-wire.ts';

/** A public key that may stand in `allowed_signers`. Source: RFC 8709 (ed25519), RFC 5656 (ecdsa), RFC 4253 (rsa). */
export type SshPublicKey =
  | { readonly kind: 'ed25519'; readonly point: Buffer }
  | { readonly kind: 'ecdsa'; readonly curve: EcdsaCurve; readonly x: Buffer; readonly y: Buffer }
  | { readonly kind: 'rsa'; readonly exponent: Buffer; readonly modulus: Buffer };

export type EcdsaCurve = keyof typeof FIELD_BYTES;

const FIELD_BYTES = { nistp256: 32, nistp384: 48, nistp521: 66 } as const;
const UNCOMPRESSED = 4;
/** ssh-keygen takes 1024 bits too, which nobody should. */
const RSA_BYTES = { least: 256, most: 2048 } as const;

/** Reads the blob of an OpenSSH public key; undefined for another kind of key, and for anything but its one exact form. */
export function parseSshPublicKey(blob: Buffer): SshPublicKey | undefined {
  const [type, ...fields] = splitStrings(blob) ?? [];
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = fields;
  switch (type?.toString('latin1')) {
    case 'ssh-ed25519':
      return fields.length === 1 && first.length === 32 ? { kind: 'ed25519', point: first } : undefined;
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return fields.length === 2 && type?.subarray(-8).equals(first)
        ? ecdsaKey(first.toString('latin1') as EcdsaCurve, second)
        : undefined;
    case 'ssh-rsa':
      return fields.length === 2 ? rsaKey(first, second) : undefined;
    default:
      return undefined;
  }
}

/** Bytes of a coordinate, and of each half of a signature. */
export function fieldBytesOf(curve: EcdsaCurve): number {
  return FIELD_BYTES[curve];
}

function ecdsaKey(curve: EcdsaCurve, point: Buffer): SshPublicKey | undefined {
  const bytes = FIELD_BYTES[curve];
  if (point.length !== 1 + 2 * bytes || point[0] !== UNCOMPRESSED) return undefined;
  return { kind: 'ecdsa', curve, x: point.subarray(1, 1 + bytes), y: point.subarray(1 + bytes) };
}

function rsaKey(exponent: Buffer, modulus: Buffer): SshPublicKey | undefined {
  const [e, n] = [unsignedOf(exponent), unsignedOf(modulus)];
  if (!e || !n || n.length < RSA_BYTES.least || n.length > RSA_BYTES.most) return undefined;
  return { kind: 'rsa', exponent: e, modulus: n };
}
