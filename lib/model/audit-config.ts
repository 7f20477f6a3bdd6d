import * as z from 'zod';
import { HostKey, Path } from './config-parts.ts';

const Branch = z
  .string()
  .regex(/^(?!.*(\.\.|\/\/|\/\.|\.\/|\.lock(\/|$)|[./]$))[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, 'a branch name')
  .default('main')
  .describe('The branch that is published to');

const GitAudit = z.strictObject({
  kind: z.literal('git').describe('A Git repository that git itself reaches'),
  remote: z.string().min(1).max(1024).describe('Any remote that git understands'),
  branch: Branch,
  identity: Path.optional().describe('Private SSH key for the remote; the own keys of the user if absent'),
  hostKey: HostKey.optional().describe("The remote's SSH host key; required when the remote is reached by SSH"),
  user: z
    .string()
    .regex(/^[A-Za-z0-9._@+-]{1,128}$/, 'a user name')
    .optional()
    .describe(
      'User name beside the token COFFRE_GIT_TOKEN of the .env file, for an https remote; x-access-token if absent',
    ),
  ca: Path.optional().describe(
    'PEM of the authority that signed the certificate of an https remote; those of the machine if absent',
  ),
  signCommits: z
    .boolean()
    .optional()
    .describe("Whether each commit is signed, as git does with an SSH key, by the machine's own signing key"),
});
/** Any Git remote, reached by the program git. */
export type GitAudit = z.infer<typeof GitAudit>;

const GitHubAudit = z.strictObject({
  kind: z.literal('github').describe('A repository at GitHub, which a host reaches by its API'),
  repository: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/, 'owner/name')
    .describe('owner/name'),
  branch: Branch,
  api: z
    .string()
    .regex(
      /^(https:\/\/[A-Za-z0-9.-]+(:\d+)?|http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?)(\/[A-Za-z0-9._/-]*)?$/,
      'an address that begins with https://',
    )
    .default('https://api.github.com')
    .describe('Of a GitHub Enterprise Server: https://<server>/api/v3'),
  app: z
    .strictObject({
      id: z
        .union([z.int().positive(), z.string().regex(/^Iv[A-Za-z0-9.]{6,60}$/, 'the id of an App')])
        .describe('Client ID or App ID'),
      installation: z.int().positive().describe('The number in the address of the installed App'),
    })
    .optional()
    .describe(
      'A GitHub App that publishes, whose private key stands in the file that COFFRE_GITHUB_APP_KEY_FILE of the .env file names; if absent, COFFRE_GITHUB_TOKEN is the token',
    ),
});
/** A repository at GitHub, reached by its API. */
export type GitHubAudit = z.infer<typeof GitHubAudit>;

/** The audit repository, as a machine that publishes to it reaches it. */
export const AuditConfig = z.discriminatedUnion('kind', [GitAudit, GitHubAudit]);
export type AuditConfig = z.infer<typeof AuditConfig>;

/** The address by which git reads the audit repository, of either kind. */
export function gitAddressOf(audit: AuditConfig): string {
  return audit.kind === 'git' ? audit.remote : `${webAddressOf(audit.api)}/${audit.repository}.git`;
}

/** https://docs.github.com/en/rest/using-the-rest-api: where the API of a server is, and where its repositories are. */
function webAddressOf(api: string): string {
  return api.replace(/^https:\/\/api\./, 'https://').replace(/(\/api\/v3)?\/*$/, '');
}
