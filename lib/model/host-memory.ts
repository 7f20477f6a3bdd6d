import * as z from 'zod';
import { ERRORS, type ErrorCode } from './error.ts';
import { RunId } from './run-id.ts';

/*
 * What a machine remembers of its last tasks, in its state folder: for metrics, which have to be written as a whole each time. It
 * proves nothing, and may be lost: the next task begins it anew.
 */

const Code = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);
const Place = z.string();
const Ms = z.number().min(0);

export const HostMemory = z.strictObject({
  /** The last run, whatever became of it. */
  latest: z
    .strictObject({
      finishedAt: z.iso.datetime(),
      outcome: z.enum(['success', 'owed', 'failure', 'skipped']),
      code: Code.nullable(),
      durationMs: Ms,
    })
    .optional(),
  /** The last one that left something to restore from. */
  succeeded: z
    .strictObject({
      run: RunId,
      phases: z.array(z.strictObject({ name: z.string(), durationMs: Ms })),
      /** Named as in the manifest. */
      databases: z.array(z.strictObject({ name: z.string(), plainBytes: z.number(), sealedBytes: z.number() })),
      plainBytes: z.number(),
      sealedBytes: z.number(),
      heldMs: Ms.nullable(),
      copies: z.array(z.strictObject({ place: Place, complete: z.boolean() })),
    })
    .optional(),
  /** The last look at copies. */
  looked: z.strictObject({ finishedAt: z.iso.datetime(), whole: z.int(), bad: z.int(), unread: z.int() }).optional(),
  /** How many runs the last pruning has left at each place. */
  kept: z.array(z.strictObject({ place: Place, runs: z.int() })).optional(),
});
export type HostMemory = z.infer<typeof HostMemory>;

/** What a machine that drills remembers, by host. */
export const DrillerMemory = z.strictObject({
  drills: z.record(
    z.string(),
    z.strictObject({
      latest: z.strictObject({ finishedAt: z.iso.datetime(), outcome: z.enum(['succeeded', 'failed']) }),
      proven: z.strictObject({ finishedAt: z.iso.datetime(), run: RunId, recoveryMs: Ms }).optional(),
    }),
  ),
});
export type DrillerMemory = z.infer<typeof DrillerMemory>;
