import { createHash } from 'node:crypto';
import { SIGNATURE_NAMESPACE } from '../model/allowed-signers.ts';
import { CoffreError } from '../model/error.ts';
import { joinStrings, splitStrings } from '../model/ssh-wire.ts';

/*
 * SSHSIG, the form of ssh-keygen's signatures. Source: OpenSSH PROTOCOL.sshsig; what the reader takes where that text is
 * silent is what ssh-keygen takes (test/audit/sshsig.test.ts asks it), or less.
 */

/** A signature as it was read. Nothing is said yet of whether it is one. */
export interface Sshsig {
  /** The blob of the key that is said to have made it. */
  readonly publicKey: Buffer;
  readonly hash: SignatureHash;
  /** Of the signature itself: `ssh-ed25519`, `rsa-sha2-512`, … */
  readonly algorithm: string;
  readonly signature: Buffer;
}

export type SignatureHash = 'sha256' | 'sha512';

/** Larger ones are not read: the largest that a key of RSA can make has 3 kB. */
export const SIGNATURE_LIMIT_BYTES = 16 * 1024;
const HEAD = '-----BEGIN SSH SIGNATURE-----\n';
const END = '\n-----END SSH SIGNATURE-----';
const MAGIC = Buffer.from('SSHSIG\0\0\0\x01', 'latin1');
const RESERVED = '';

/**
 * Reads an armored SSHSIG of coffre's namespace. What stands behind the end of the armor is not looked at, and blanks in
 * its base64 are nothing: ssh-keygen has it so. Everything within is exact, to the last byte; a field that is reserved
 * for later is empty (ssh-keygen takes any). Throws `verification-failed`.
 */
export function parseSshsig(armored: Buffer): Sshsig {
  if (armored.length > SIGNATURE_LIMIT_BYTES) throw refusal('it is larger than 16 KiB');
  const blob = dearmor(armored.toString('latin1'));
  if (!blob) throw refusal('it is not armored as ssh-keygen does it');
  if (!blob.subarray(0, MAGIC.length).equals(MAGIC)) throw refusal('it is no SSHSIG of version 1');
  const fields = splitStrings(blob.subarray(MAGIC.length)) ?? [];
  const [publicKey, namespace, reserved, hashName, signed] = fields;
  if (fields.length !== 5 || !publicKey || !namespace || !reserved || !hashName || !signed)
    throw refusal('its fields are not those of an SSHSIG');
  if (namespace.toString('latin1') !== SIGNATURE_NAMESPACE)
    throw refusal('it was made in another namespace, for another purpose than a record');
  if (reserved.length > 0) throw refusal('a field that is reserved is not empty');
  const hash = hashName.toString('latin1');
  if (hash !== 'sha256' && hash !== 'sha512') throw refusal('its hash is neither sha256 nor sha512');
  const [algorithm, signature, ...rest] = splitStrings(signed) ?? [];
  if (!algorithm || !signature || rest.length > 0) throw refusal('its signature is not in the form of SSH');
  return { publicKey, hash, algorithm: algorithm.toString('latin1'), signature };
}

/** What the key has signed: not `message` itself, but its digest together with what it was signed for. */
export function signedBytes(message: Uint8Array, hash: SignatureHash): Buffer {
  const digest = createHash(hash).update(message).digest();
  return Buffer.concat([MAGIC.subarray(0, 6), joinStrings([SIGNATURE_NAMESPACE, RESERVED, hash, digest])]);
}

/** The bytes within the armor; undefined where ssh-keygen finds none. */
function dearmor(text: string): Buffer | undefined {
  const end = text.indexOf(END, HEAD.length);
  if (!text.startsWith(HEAD) || end < 0) return undefined;
  const base64 = text.slice(HEAD.length, end).replace(/[\t-\r ]/g, '');
  const blob = Buffer.from(base64, 'base64');
  return blob.toString('base64') === base64 ? blob : undefined;
}

function refusal(cause: string): CoffreError {
  return new CoffreError('verification-failed', `cannot read the signature: ${cause}`, {
    hint: 'fetch it again from another copy: the store, the offsite, or the audit repository',
  });
}
