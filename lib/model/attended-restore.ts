import * as z from 'zod';
import { Slice } from './slice.ts';

/**
 * What control sends for a restore on a host, beside the command line: the first line of its standard input, and no secret
 * yet. The passphrase of the run follows as the answer to a question.
 */
export const AttendedRestore = z.strictObject({
  /** The host whose run it is. */
  source: Slice,
  /** The host that this is, into whose server the run goes: mostly the same. */
  target: Slice.shape.host,
  /** What the places are called that control reads for the host, the nearest first; none for one that the host reads itself. */
  relayed: z.array(z.string()),
});
export type AttendedRestore = z.infer<typeof AttendedRestore>;

/** What the agent answers: the data of its result. */
export const RestoredThere = z.object({
  /** For a person, several lines. */
  text: z.string(),
  /** What the same restore gives with `--json`. */
  data: z.unknown(),
  exitCode: z.int().min(0).max(255),
});
export type RestoredThere = z.infer<typeof RestoredThere>;
