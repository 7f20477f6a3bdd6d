import * as z from 'zod';
import { DrillerConfig } from './driller-config.ts';
import { HostConfig } from './inventory.ts';
import { HostName } from './names.ts';

/** All of the inventory that one driller needs, as control sends it to the agent on standard input. No secret is in it. */
export const DrillerSlice = z.strictObject({
  driller: DrillerConfig.extend({ name: HostName }),
  /** The hosts that it drills, with their offsites as the driller logs in there. */
  hosts: z.array(HostConfig.extend({ name: HostName })),
  /** PEM of the public key that the inventory has for its recipient; null while there is none. */
  recipientKey: z.string().nullable(),
  /** The lines of `inventory/signers/allowed_signers` for the driller and for its hosts. */
  allowedSigners: z.string(),
});
export type DrillerSlice = z.infer<typeof DrillerSlice>;
