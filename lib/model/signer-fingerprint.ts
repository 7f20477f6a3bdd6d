import { createHash } from 'node:crypto';

/** The fingerprint of an SSH public key such as `ssh-ed25519 AAAA…`, as `ssh-keygen -l` prints it: `SHA256:…`. */
export function signerFingerprint(publicKey: string): string {
  const [, key = ''] = publicKey.trim().split(/[ \t]+/);
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}
