import * as z from 'zod';

/**
 * Rules about what is on record and can never be undone, because the history only grows. What other rules find can be mended,
 * and so is nothing that anybody could acknowledge.
 */
export const ACKNOWLEDGEABLE = [
  'append-only',
  'attributes',
  'belongs',
  'chain',
  'drill-record',
  'known-host',
  'manifest',
  'record',
  'signature',
  'signer',
  'time',
] as const;

const Line = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^[^\p{Cc}]*$/u, 'one line of text');

const Acknowledgement = z
  .strictObject({
    rule: z.enum(ACKNOWLEDGEABLE).describe('Name of the rule, as validate tells it in brackets'),
    path: Line.optional().describe('The path that validate tells; absent where it tells none'),
    message: Line.describe('What validate tells of it, word by word'),
    by: Line.describe('Who has looked at it'),
    on: z.iso.date().describe('When, such as 2026-11-22'),
    why: Line.describe('What had happened, and why it is not to be told any more'),
  })
  .describe('A finding that somebody has looked at, and that nothing can undo');
export type Acknowledgement = z.infer<typeof Acknowledgement>;

/** The file `acknowledged.yaml` of the inventory. */
export const Acknowledged = z
  .strictObject({ findings: z.array(Acknowledgement).max(1000).describe('Each exactly as validate tells it') })
  .describe('Findings about the past of the audit repository that are not to be told any more');
