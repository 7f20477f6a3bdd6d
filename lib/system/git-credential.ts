import { CoffreError } from '../model/error.ts';
import { openNamelessFile } from './nameless-file.ts';

/** How git reaches a remote over HTTPS. */
export interface HttpsAccess {
  /** The address of the remote. Its server, and no other, is told the token. */
  readonly address: string;
  /** User name beside the token. */
  readonly user: string;
  /** Nobody logs in if absent: a public repository is read like that. */
  readonly token: string | undefined;
  /** PEM of the authority that signed the server's certificate; those of the machine if absent. */
  readonly caFile?: string | undefined;
}

/** What git is started with: settings, and the open file in which its helper finds user and token. */
interface Given {
  readonly settings: readonly string[];
  readonly thirdFile?: number;
}

/*
 * A helper in git's own form (gitcredentials(7)): git's shell calls it with `get`, and it writes down what stands in
 * descriptor 3. That is a file without a name, which only the processes that git starts have inherited. So the token is in
 * no argument, no environment, no address, and no file that anybody could open. What git wants stored or erased goes nowhere.
 */
const HELPER = '!f() { test "$1" = get && while read -r line; do printf "%s\\n" "$line"; done </dev/fd/3; }; f';

/** Hands `act` what lets git log in at `https`. */
export async function withCredential<T>(https: HttpsAccess | undefined, act: (given: Given) => Promise<T>): Promise<T> {
  if (https === undefined) return act({ settings: [] });
  const { origin, protocol } = new URL(https.address);
  const settings = ['-c', 'http.followRedirects=initial'];
  // Only parseGitRemote decides that; it lets http through to this machine itself.
  if (protocol === 'http:') settings.push('-c', 'protocol.http.allow=always');
  if (https.caFile !== undefined) settings.push('-c', `http.sslCAInfo=${https.caFile}`);
  if (https.token === undefined) return act({ settings });
  if (!/^[\x21-\x7e]+$/.test(https.token)) {
    throw new CoffreError('refused', 'cannot log in to the remote: its token has blanks or control characters in it', {
      hint: 'write it on one line of the .env file, as it was given',
    });
  }
  const file = await openNamelessFile(Buffer.from(`username=${https.user}\npassword=${https.token}\n`));
  try {
    return await act({ settings: [...settings, '-c', `credential.${origin}.helper=${HELPER}`], thirdFile: file.fd });
  } finally {
    await file.close();
  }
}

/** `text` without the token in any form in which a server could send it back. */
export function redactCredential(text: string, https: HttpsAccess | undefined): string {
  if (https?.token === undefined) return text;
  const basic = Buffer.from(`${https.user}:${https.token}`).toString('base64');
  return text.replaceAll(https.token, '[token]').replaceAll(basic, '[token]');
}
