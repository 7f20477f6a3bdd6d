import * as z from 'zod';
import { HostName } from './names.ts';
import { ToldFailure } from './provision-result.ts';

/** A finding as `validate` tells it with `--json`. Message, path and hint may be of foreign origin. */
export const ToldFinding = z.object({
  rule: z.string(),
  /** `error`, or something that makes nothing fail. */
  severity: z.string(),
  host: HostName.nullable(),
  path: z.string().nullable(),
  message: z.string(),
  hint: z.string(),
});
export type ToldFinding = z.infer<typeof ToldFinding>;

/** The last line of `validate --json`, as far as others than a person need it: what it has judged, or why it could not. */
export const ToldValidation = z.union([
  z.object({
    event: z.literal('result'),
    exitCode: z.int(),
    data: z.object({
      /** The commit that was judged. */
      head: z
        .string()
        .regex(/^[0-9a-f]{40,64}$/)
        .nullable(),
      hosts: z.array(
        z.object({
          host: HostName,
          state: z.string(),
          latestSucceeded: z.object({ run: z.string() }).nullable(),
        }),
      ),
      findings: z.array(ToldFinding),
    }),
  }),
  z.object({ event: z.literal('result'), exitCode: z.int(), error: ToldFailure }),
]);
export type ToldValidation = z.infer<typeof ToldValidation>;
