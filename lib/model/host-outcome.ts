import type { Converged } from './converge-order.ts';
import type { CoffreError } from './error.ts';
import type { FarEnd } from './far-end.ts';
import type { HostName } from './names.ts';
import type { Change, Remark } from './plan.ts';

/** What became of one host that was provisioned, or only looked at. */
export type HostOutcome =
  | {
      readonly host: HostName;
      readonly ok: true;
      readonly converged: Converged;
      /** Whether its signing key was written into the inventory just now: somebody has to commit that. */
      readonly signer: 'added' | 'present' | 'none';
      readonly farEnds: readonly FarEnd[];
      /** What was or would be set up at the contractors' servers. */
      readonly farChanges: readonly Change[];
      /** What should be known of the contractors' servers, where control has looked as their administrator. */
      readonly farRemarks: readonly Remark[];
    }
  | { readonly host: HostName; readonly ok: false; readonly error: CoffreError };
