/** Characters of base64 on a line of an armored SSHSIG. Source: OpenSSH PROTOCOL.sshsig. */
const LINE = 70;

/**
 * Whether an armored SSHSIG is exactly as ssh-keygen writes it. Many other texts hold the same signature, and ssh-keygen takes
 * them: with other line ends, with something before or behind it, with other bits in what pads the base64. None of
 * these is a forgery, and each is a file that somebody or something has changed.
 */
export function isCanonicalArmor(armored: Buffer): boolean {
  const text = armored.toString('latin1');
  const [, body = ''] =
    /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\n$/.exec(text) ?? [];
  const base64 = Buffer.from(body.replaceAll('\n', ''), 'base64').toString('base64');
  return body !== '' && body === (base64.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? []).join('\n');
}
