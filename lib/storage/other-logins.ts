import { sha256Of } from '../system/files.ts';

/** A key that logs in as somebody, as `ssh-keygen -lf` shows it. */
export interface OtherLogin {
  readonly fingerprint: string;
  /** What stands behind the key: whatever somebody wrote; may be empty. */
  readonly comment: string;
}

const KEY = /(?:^|\s)((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]{20,}={0,2})(?:[ \t]+(.*))?$/;

/**
 * The keys of an authorized_keys file whose lines do not end with one of `tags`. Lines that sshd passes over, which have no
 * key, are passed over here. Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT.
 */
export function otherLogins(text: string, tags: ReadonlySet<string>): readonly OtherLogin[] {
  return text.split('\n').flatMap((line) => {
    if (/^\s*(#|$)/.test(line) || tags.has(line.trim().split(/\s+/).at(-1) ?? '')) return [];
    // What is quoted is an option, such as a command, and may look like a key.
    const [, , key, comment = ''] = KEY.exec(line.replace(/"(?:\\.|[^"\\])*"/g, '""').trim()) ?? [];
    if (key === undefined) return [];
    const digest = Buffer.from(sha256Of(Buffer.from(key, 'base64')), 'hex').toString('base64');
    return [{ fingerprint: `SHA256:${digest.replace(/=+$/, '')}`, comment: comment.trim() }];
  });
}
