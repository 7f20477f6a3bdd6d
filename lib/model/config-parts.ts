import * as z from 'zod';

/* What values of the inventory look like, wherever they stand in it. */

export const Path = z
  .string()
  .regex(/^\/[^\0\n]*$/, 'an absolute path')
  .describe('An absolute path on the host');
/** Cron ignores a file whose name has anything else in it, and says nothing. */
export const CronFilePath = Path.regex(
  /(^|\/)[A-Za-z0-9_-]+$/,
  'cron ignores it: only letters, digits, - and _ in its name',
);
export const Address = z
  .string()
  .regex(/^[A-Za-z0-9:][A-Za-z0-9:._-]*$/, 'a host name or an IP address')
  .describe('A DNS name or an IP address');
export const Port = z.int().min(1).max(65535).describe('A TCP port');
export const UserName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, 'a login name')
  .describe('A login name');
export const SecretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, 'the NAME of a variable in the .env file, never the secret itself');
export const HostKey = z
  .string()
  .regex(
    /^(ssh-ed25519|ecdsa-sha2-nistp256|ecdsa-sha2-nistp384|ecdsa-sha2-nistp521|ssh-rsa) [A-Za-z0-9+/]+={0,2}$/,
    'type and key, as in known_hosts: "ssh-ed25519 AAAA…"',
  )
  .describe('The SSH host key that the server must show; get it with ssh-keyscan and compare it by another way');

/** `settings` of a machine: where its own slice of the inventory stands. `whose`: for the description. */
export function settingsConfig(path: string, whose: string) {
  return z
    .strictObject({ path: Path })
    .prefault({ path })
    .describe(`Folder with the ${whose}'s own slice of the inventory`);
}

/** `agent` of a machine. */
export function agentConfig(path: string) {
  return z
    .strictObject({
      // Node loads no module from a path with a backslash in it.
      path: Path.regex(/^[^\\]*$/, 'a path without a backslash')
        .default(path)
        .describe('Folder of the releases of the agent'),
      installPackages: z
        .boolean()
        .default(false)
        .describe('Whether provisioning may install missing Debian packages; if not, it names them'),
    })
    .prefault({});
}

export const SshConfig = z.strictObject({
  address: Address,
  port: Port.default(22),
  user: UserName.describe('root, or a user who may run anything through sudo without a password'),
  hostKey: HostKey,
  identity: z
    .string()
    .min(1)
    .optional()
    .describe("Private SSH key at control; ~/.ssh/id_ed25519 or the operator's SSH agent if absent"),
});
export type SshConfig = z.infer<typeof SshConfig>;
