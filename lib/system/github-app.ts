import { createPrivateKey, sign } from 'node:crypto';
import * as z from 'zod';
import { CoffreError } from '../model/error.ts';
import type { Clock } from './clock.ts';
import { type GitHubOptions, openGitHub } from './github.ts';
import { learnSecret } from './known-secrets.ts';

/** A GitHub App, as it is installed where the repository is. */
export interface AppIdentity {
  /** Client ID or App ID. */
  readonly id: string | number;
  readonly installation: number;
  /** PEM, as GitHub hands it out. */
  readonly privateKey: string;
}

/** GitHub lets no such token live longer than ten minutes; a clock may be a minute behind. */
const LIFE_SECONDS = 540;
const DRIFT_SECONDS = 60;

const Answer = z.object({ token: z.string().min(1) });

/**
 * A token of the App, for an hour, for this repository alone, and for its contents alone. By hand, and not by
 * @octokit/auth-app: all that is needed of it is one signature, and the token it makes would be unknown to the redactor that
 * keeps it out of messages. Throws what `ask` throws, and `refused` for a key that is none.
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
 */
export async function installationToken(
  app: AppIdentity,
  access: 'read' | 'write',
  options: Omit<GitHubOptions, 'token'>,
  clock: Clock,
): Promise<string> {
  learnSecret(app.privateKey);
  const github = openGitHub({ ...options, token: appToken(app, clock.now()) });
  return await github.ask('get a token for the GitHub App', async (octokit, { repo }) => {
    const { data } = await octokit.rest.apps.createInstallationAccessToken({
      installation_id: app.installation,
      repositories: [repo],
      permissions: { contents: access },
    });
    return Answer.parse(data).token;
  });
}

/** The JSON Web Token (RFC 7519, RS256) by which an App shows that it has its key. */
function appToken({ id, privateKey }: AppIdentity, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000);
  const claims = { iat: seconds - DRIFT_SECONDS, exp: seconds + LIFE_SECONDS, iss: id };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const text = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), parseKey(privateKey)).toString('base64url')}`;
}

function parseKey(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    // Whatever the parser says may quote the key.
    throw new CoffreError('refused', 'cannot use the private key of the GitHub App: it is no private key in PEM', {
      hint: 'make one on the page of the App, and keep the file as it was downloaded',
    });
  }
}
