import { createHash } from 'node:crypto';

/** The key that says it made a signature. Whether it did, ssh-keygen has to tell. */
export interface SignatureKey {
  /** As in an OpenSSH public key file, without a comment. */
  readonly publicKey: string;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
}

const ARMOR = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n?$/;
const MAGIC = 'SSHSIG';

/** The public key inside an armored SSHSIG (OpenSSH PROTOCOL.sshsig: magic, version, key, …); undefined when it is none. */
export function signatureKey(signature: Buffer): SignatureKey | undefined {
  const base64 = ARMOR.exec(signature.toString('latin1'))?.[1];
  const blob = Buffer.from(base64 ?? '', 'base64');
  if (blob.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) return undefined;
  const key = stringAt(blob, MAGIC.length + 4);
  const type = key && stringAt(key, 0)?.toString('latin1');
  if (key === undefined || type === undefined || !/^[a-z0-9-]+$/.test(type)) return undefined;
  const digest = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
  return { publicKey: `${type} ${key.toString('base64')}`, fingerprint: `SHA256:${digest}` };
}

/** A string in SSH's form: its length in four bytes, then itself. */
function stringAt(blob: Buffer, offset: number): Buffer | undefined {
  if (blob.length < offset + 4) return undefined;
  const end = offset + 4 + blob.readUInt32BE(offset);
  return end <= blob.length ? blob.subarray(offset + 4, end) : undefined;
}
