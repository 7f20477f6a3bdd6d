import * as z from 'zod';

/** What a host reads of its own copies from time to time, behind its nightly backup. */
export const VerifyConfig = z
  .strictObject({
    everyDays: z
      .number()
      .positive()
      .max(366)
      .default(7)
      .describe(
        'Days after which the copies are read again, by the next nightly task; validate says so when it did not',
      ),
    runs: z.enum(['all', 'latest']).default('all').describe('All runs of each place, or the newest of each alone'),
    sample: z
      .int()
      .min(1)
      .max(999_999_999)
      .optional()
      .describe('How many segments of 8 MiB, chosen at random, of each sealed file; all of them if absent'),
  })
  .describe('That the host itself reads its copies at every place, and puts on record what it finds; never if absent');
export type VerifyConfig = z.infer<typeof VerifyConfig>;

const DAY_MS = 86_400_000;
/** A night that starts some hours earlier than the one before does not put the look off for another one. */
const EARLY_MS = DAY_MS / 2;

/** The time from which on a look at the copies has to be, for a night that begins at `night` to need none. */
export function lookDueBefore({ everyDays }: VerifyConfig, night: Date): Date {
  return new Date(night.getTime() - everyDays * DAY_MS + Math.min(EARLY_MS, (everyDays * DAY_MS) / 2));
}
