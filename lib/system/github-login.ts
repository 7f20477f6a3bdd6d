import * as z from 'zod';
import type { GitHub } from './github.ts';

const Answer = z.object({ viewer: z.object({ login: z.string().min(1) }) });

/**
 * The login that what we write at GitHub bears, such as `github-actions[bot]`. REST's /user is closed to the token of a
 * workflow; GraphQL's viewer answers every kind of token.
 */
export function ownLogin(github: GitHub): Promise<string> {
  return github.ask('learn whose token this is', async (octokit) => {
    return Answer.parse(await octokit.graphql('query { viewer { login } }')).viewer.login;
  });
}
