import * as z from 'zod';
import { Address, HostKey, Path, Port, SecretName, UserName } from './config-parts.ts';
import { OffsiteName } from './names.ts';
import { RcloneOffsiteConfig } from './rclone-offsite-config.ts';

const ContractorAdmin = z.strictObject({
  user: UserName.describe('root, or a user who may run anything through sudo without a password'),
  port: Port.optional().describe('The port of the offsite if absent; the server must show the same host key'),
  identity: z
    .string()
    .min(1)
    .optional()
    .describe("Private SSH key at control; ~/.ssh/id_ed25519 or the operator's SSH agent if absent"),
  folder: z
    .string()
    .regex(/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/, 'an absolute path of letters, digits, dots, hyphens and underscores')
    .default('/srv/coffre')
    .describe('Folder over there that has one folder an account, each the root of what that account can see'),
});

export const SftpOffsiteConfig = z.strictObject({
  name: OffsiteName.describe('Name of the offsite, unique for the host'),
  kind: z.literal('sftp').default('sftp').describe('An SSH server, of which SFTP is all that is needed'),
  address: Address,
  port: Port.default(22),
  user: UserName.describe('Account of the host over there'),
  path: Path.describe('Folder on the offsite that takes one folder a run, as its account sees it'),
  hostKey: HostKey,
  identity: Path.default('/etc/coffre/offsite_ed25519').describe('Private SSH key on the host, mode 0600'),
  identityPassphrase: SecretName.optional().describe('NAME in the .env file of the passphrase of the identity'),
  verify: z
    .enum(['auto', 'rehash', 'read-back', 'size'])
    .default('auto')
    .describe(
      'How a copy is verified: openssl or sha256sum over there, reading it back, its size, or the best that works',
    ),
  appendOnly: z
    .boolean()
    .default(false)
    .describe(
      'Whether the account can neither rename nor remove: each upload has a folder of its own then, with a .done beside its files, and prune leaves it to its owner',
    ),
  silenceSeconds: z
    .int()
    .min(5)
    .max(3600)
    .default(60)
    .describe(
      'A connection on which the server answers nothing for so long is taken for lost; ten times as long while it flushes a file to its disk',
    ),
  reconnectSeconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(120)
    .describe(
      'How long a lost connection is tried to be had again, from the last byte that arrived on; then the copy is owed, and the next run goes on with what is there',
    ),
  admin: ContractorAdmin.optional().describe(
    'Who may set up the account of this offsite on its server; if absent, the contractor is only told what to set up',
  ),
});
export type SftpOffsiteConfig = z.infer<typeof SftpOffsiteConfig>;
export const OffsiteConfig = z.discriminatedUnion('kind', [SftpOffsiteConfig, RcloneOffsiteConfig]);
export type OffsiteConfig = z.infer<typeof OffsiteConfig>;

/** Those of several offsites that are SSH servers, which have accounts and keys. */
export function sftpOffsites(offsites: readonly OffsiteConfig[]): SftpOffsiteConfig[] {
  return offsites.filter((each) => each.kind === 'sftp');
}
