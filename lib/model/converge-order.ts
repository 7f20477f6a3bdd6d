import * as z from 'zod';
import { AccountOrder } from './account-order.ts';
import { FarEndCondition } from './far-end.ts';
import { OffsiteName } from './names.ts';
import { Change, HostPlan, Remark } from './plan.ts';
import { Slice } from './slice.ts';

/** What control asks of an agent, on its standard input: one JSON document. */
export const ConvergeOrder = z.strictObject({
  slice: Slice,
  /** `absent` takes everything away but the backups, and what a later return of the host would need. */
  desired: z.enum(['present', 'absent', 'previous-release']),
  /** Whether the plan is carried out, or only told. */
  apply: z.boolean(),
  /** Instead of the host's own things: an account that a replica of its database needs here. */
  accountOrder: AccountOrder.nullable(),
  /** Instead of any of this: look at the offsites from the host, as its backups see them. */
  farEnds: z.boolean(),
  /** By offsite: folders of other hosts on its server, which this host must not be able to read. */
  otherFolders: z.record(OffsiteName, z.array(z.string())),
  /** The time at control, in milliseconds since 1970, to compare clocks. */
  controlTimeMs: z.number(),
});
export type ConvergeOrder = z.infer<typeof ConvergeOrder>;

/** On one line and without a comment: it is going to be a part of somebody's file of keys. */
const PublicKey = z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$/, 'type and key');

/** A key of the host's own, by its public half. */
export const HostKeyFact = z.strictObject({ path: z.string(), publicKey: PublicKey });

/** What one offsite looks like from the host. */
export const FarEndReport = z.strictObject({
  offsite: OffsiteName,
  conditions: z.array(FarEndCondition),
});
export type FarEndReport = z.infer<typeof FarEndReport>;

/** What the agent answers: the data of its result. */
export const Converged = z.strictObject({
  plan: HostPlan,
  /** What was carried out; empty for a plan alone. */
  applied: z.array(Change),
  /** Public half of the key that signs the host's manifests; null while there is none. */
  signingKey: PublicKey.nullable(),
  /** Public halves of the keys by which the host reaches offsites and the audit repository. */
  identities: z.array(HostKeyFact),
  /** What was proven by trying it, after everything was in place. */
  proofs: z.array(z.string()),
  /** What an operator should know, and what mends it, as it is in the end. */
  remarks: z.array(Remark),
  farEnds: z.array(FarEndReport),
});
export type Converged = z.infer<typeof Converged>;
