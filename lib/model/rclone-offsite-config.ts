import * as z from 'zod';
import { Path, SecretName } from './config-parts.ts';
import { OffsiteName } from './names.ts';

/** Of the configuration file, by its name: `:s3:…` and `name,key=value:…` could bring secrets into the inventory, and into an argument list. */
const Remote = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}:[^\p{C}]{0,1000}$/u,
    "a name of rclone's configuration, a colon, and a path, such as archive:backups/db1",
  )
  .refine((remote) => !/[:/](\.{1,2})(\/|$)|\/\//.test(remote), 'a path without ., .. and empty parts')
  .refine((remote) => !/[^:]\/$/.test(remote), 'a path without a slash at its end');

export const RcloneOffsiteConfig = z.strictObject({
  name: OffsiteName.describe('Name of the offsite, unique for the host'),
  kind: z.literal('rclone').describe('Whatever the program rclone can reach: S3, WebDAV, and some seventy others'),
  remote: Remote.describe('Folder or bucket that takes one folder a run, as rclone says it: name:path'),
  config: Path.default('/etc/coffre/rclone.conf').describe(
    "Configuration file of rclone on the host, mode 0600: with the remote's kind, address and credentials",
  ),
  configPassphrase: SecretName.optional().describe(
    'NAME in the .env file of the passphrase of the configuration file, where rclone has encrypted it',
  ),
  verify: z
    .enum(['auto', 'rehash', 'read-back', 'size'])
    .default('auto')
    .describe(
      'How a copy is verified: by a digest that the remote tells (SHA-256, SHA-1 or MD5), reading it back, its size, or the best that works',
    ),
  appendOnly: z
    .boolean()
    .default(false)
    .describe(
      'Whether nothing may be removed there: prune leaves it to its owner, and an upload that was cut is written over',
    ),
  silenceSeconds: z
    .int()
    .min(5)
    .max(3600)
    .default(300)
    .describe('A connection of rclone on which nothing moves for so long is taken for lost'),
});
export type RcloneOffsiteConfig = z.infer<typeof RcloneOffsiteConfig>;
