import * as z from 'zod';
import { OffsiteName } from './names.ts';
import { Bytes, Count, ErrorCodeField, HEADER_FIELDS, SoftwareFields } from './record-parts.ts';
import { RunId } from './run-id.ts';

/** What a copy of a run was found to be. */
export const VERDICTS = ['whole', 'damaged', 'untrusted', 'missing', 'unread'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** A place of the host's own that was looked at, without a name of anything in it but runs. */
export const PLACE_FIELDS = {
  kind: z.enum(['store', 'export', 'offsite']).describe('Which place it is'),
  offsite: OffsiteName.nullable().describe('null unless kind is offsite'),
};

const VerifiedRun = z.strictObject({
  run: RunId.describe('Name of the run'),
  verdict: z
    .enum(VERDICTS)
    .describe(
      'whole: as its signed manifest says, as far as it was read; damaged: not so; untrusted: nobody vouches for it; missing: a signed manifest says that it is there, and it is not; unread: it could not be read',
    ),
  segments: z
    .strictObject({
      read: Count.describe('How many were read and compared'),
      total: Count.describe('How many the sealed files have'),
    })
    .nullable()
    .describe('Segments of the sealed files; null unless the copy is whole or damaged'),
  readBytes: Bytes.describe('Ciphertext that was read and compared'),
  findings: Count.describe('Files that are not as they were written'),
  unknown: Count.describe('Files that no manifest vouches for'),
  error: ErrorCodeField.nullable().describe('What kept it from being read; null unless it is unread'),
});

/** The signed record of one look at copies. */
export const VerifyRecord = z
  .strictObject({
    kind: z.literal('verify').describe('Copies of runs were compared with their signed manifests'),
    ...HEADER_FIELDS,
    outcome: z
      .enum(['succeeded', 'failed'])
      .describe('succeeded: every place was read, and every copy in it is whole as far as it was read'),
    software: z.strictObject(SoftwareFields).describe('What made this'),
    runs: z
      .enum(['all', 'latest', 'one'])
      .describe('Which runs were looked at: all, the newest at each place, or one that was named'),
    sample: z
      .int()
      .min(1)
      .nullable()
      .describe('How many segments of each sealed file were read, chosen at random; null: all of them'),
    places: z
      .array(
        z.strictObject({
          ...PLACE_FIELDS,
          error: ErrorCodeField.nullable().describe(
            'What kept the place from being read to its end; null where nothing did',
          ),
          runs: z.array(VerifiedRun).describe('What was found of each run, the oldest first'),
        }),
      )
      .describe('Every place that was looked at'),
    error: z
      .strictObject({ code: ErrorCodeField })
      .nullable()
      .describe('The worst of what was found, or what kept a place from being read; null where it succeeded'),
  })
  .refine(
    ({ outcome, error }) => (outcome === 'succeeded') === (error === null),
    'its outcome is not what its fields say',
  )
  .describe('The signed record of one look at copies');
export type VerifyRecord = z.infer<typeof VerifyRecord>;
