import * as z from 'zod';
import { TOLD } from './notify-config.ts';
import { Instant } from './record-parts.ts';

/** In which forms people are told. */
const KINDS = ['healthchecks', 'webhook', 'slack', 'ntfy', 'mail'] as const;

/** Something that could not be told. No address and no reason: either could be a secret. */
export const Untold = z.strictObject({
  notifier: z.enum(KINDS).describe('In which form it was to be told'),
  event: z.enum(TOLD).describe('What was to be told'),
  at: Instant.describe('When that was given up'),
});
export type Untold = z.infer<typeof Untold>;

/** More of them are not kept: whoever cannot be reached for so long is known not to be. */
export const MOST_UNTOLD = 50;

export const UntoldField = z
  .array(Untold)
  .max(MOST_UNTOLD)
  .optional()
  .describe('What nobody could be told since the record before, the oldest first; absent where all was; since 1.4');
