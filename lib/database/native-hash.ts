import { createHash } from 'node:crypto';

/**
 * What the server keeps of a password under `mysql_native_password`, as `PASSWORD()` makes it. Statements carry this
 * instead of the password, which would stand in the binary log and in the log of all queries otherwise.
 *
 * It opens no session: a client has to know the SHA-1 of the password, which this is the SHA-1 of. Of 256 random bits
 * neither can be found by trying, so that the hash of such a password may be carried to another host.
 */
export function nativeHash(password: string | Uint8Array): string {
  const sha1 = (content: string | Uint8Array) => createHash('sha1').update(content).digest();
  return `*${sha1(sha1(password)).toString('hex').toUpperCase()}`;
}
