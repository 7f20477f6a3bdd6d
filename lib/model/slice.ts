import * as z from 'zod';
import { HostConfig } from './inventory.ts';
import { HostName, RecipientName } from './names.ts';

/**
 * All of the inventory that one host needs, as control sends it to the agent on standard input: nothing of other hosts,
 * and no secret.
 */
export const Slice = z.strictObject({
  /** Defaults merged in, every field present. */
  host: HostConfig.extend({ name: HostName }),
  /** The recipients of this host. */
  recipients: z.array(z.strictObject({ name: RecipientName, publicKey: z.string() })),
  /** The lines of `inventory/signers/allowed_signers` for this host: it verifies what it has signed itself, and nothing else. */
  allowedSigners: z.string(),
});
export type Slice = z.infer<typeof Slice>;
