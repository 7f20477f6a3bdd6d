import * as z from 'zod';
import { HostName } from './names.ts';
import { HostPlan } from './plan.ts';

/** A failure as a task tells it with `--json`. No field holds a secret; every text may be of foreign origin. */
export const ToldFailure = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullish(),
  findings: z.array(z.string()).default([]),
});
export type ToldFailure = z.infer<typeof ToldFailure>;

/** What a dry run of `provision` says of one host: its plan, or why there is none. */
export const ToldOutcome = z.discriminatedUnion('ok', [
  z.object({ host: HostName, ok: z.literal(true), plan: HostPlan }),
  z.object({ host: HostName, ok: z.literal(false), error: ToldFailure }),
]);
export type ToldOutcome = z.infer<typeof ToldOutcome>;

/** The last line of `provision --dry-run --json`: what it says of every host, or why it got to none. */
export const ProvisionResult = z.union([
  z.object({ event: z.literal('result'), exitCode: z.int(), data: z.object({ hosts: z.array(ToldOutcome) }) }),
  z.object({ event: z.literal('result'), exitCode: z.int(), error: ToldFailure }),
]);
export type ProvisionResult = z.infer<typeof ProvisionResult>;
