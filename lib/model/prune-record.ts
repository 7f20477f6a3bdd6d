import * as z from 'zod';
import { Count, ErrorCodeField, HEADER_FIELDS, SoftwareFields } from './record-parts.ts';
import { RunId } from './run-id.ts';
import { PLACE_FIELDS } from './verify-record.ts';

/**
 * Why retention keeps a run. One run may be kept for several reasons. Each is explained where it is planned,
 * `lib/storage/plan-retention.ts`.
 */
export const KEEP_REASONS = [
  'daily',
  'weekly',
  'monthly',
  'yearly',
  'newest',
  'newest-verified',
  'last-for',
  'owed',
  'future',
  'misdated',
] as const;
export type KeepReason = (typeof KEEP_REASONS)[number];

/** The signed record of what retention has removed. */
export const PruneRecord = z
  .strictObject({
    kind: z.literal('prune').describe('Runs were removed by retention'),
    ...HEADER_FIELDS,
    outcome: z.enum(['succeeded', 'failed']).describe('failed: not everything could be removed that was to be'),
    software: z.strictObject(SoftwareFields).describe('What made this'),
    places: z
      .array(
        z.strictObject({
          ...PLACE_FIELDS,
          removed: z.array(RunId).describe('The runs that are gone now, the oldest first'),
          kept: Count.describe('How many runs are left'),
          reasons: z
            .array(
              z.strictObject({
                reason: z
                  .enum(KEEP_REASONS)
                  .describe(
                    'Why runs are kept: as the newest of a day, week, month or year; as the newest of all, or of those verified; as the last that a recipient opens; because an offsite is still to get it; or because its date cannot be right',
                  ),
                runs: Count.describe('How many runs are kept for it; a run may be kept for several reasons'),
              }),
            )
            .describe('Why the others stay'),
          error: ErrorCodeField.nullable().describe('What kept a run from being removed; null where nothing did'),
        }),
      )
      .describe('Every place that retention was applied to'),
    error: z
      .strictObject({ code: ErrorCodeField })
      .nullable()
      .describe('Why not everything could be removed; null where it succeeded'),
  })
  .refine(
    ({ outcome, error }) => (outcome === 'succeeded') === (error === null),
    'its outcome is not what its fields say',
  )
  .describe('The signed record of what retention has removed');
export type PruneRecord = z.infer<typeof PruneRecord>;
