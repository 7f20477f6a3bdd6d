import * as z from 'zod';
import { HostKey, Path } from './config-parts.ts';

/** The audit repository, as a machine that publishes to it reaches it. */
export const AuditConfig = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('git').describe('A Git repository that git itself reaches'),
    remote: z.string().min(1).max(1024).describe('Any remote that git understands'),
    branch: z
      .string()
      .regex(/^(?!.*(\.\.|\/\/|\/\.|\.\/|\.lock(\/|$)|[./]$))[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, 'a branch name')
      .default('main')
      .describe('The branch that is published to'),
    identity: Path.optional().describe('Private SSH key for the remote; the own keys of the user if absent'),
    hostKey: HostKey.optional().describe("The remote's SSH host key; required when the remote is reached by SSH"),
  }),
]);
export type AuditConfig = z.infer<typeof AuditConfig>;
