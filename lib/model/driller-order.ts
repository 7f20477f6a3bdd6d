import * as z from 'zod';
import { Converged } from './converge-order.ts';
import { DrillerSlice } from './driller-slice.ts';

/** What control asks of the agent of a driller, on its standard input: one JSON document. */
export const DrillerOrder = z.strictObject({
  drilling: DrillerSlice,
  /** `absent` takes everything away but its keys, and its place in the chains of its drills. */
  desired: z.enum(['present', 'absent', 'previous-release']),
  /** Whether the plan is carried out, or only told. */
  apply: z.boolean(),
  /** The time at control, in milliseconds since 1970, to compare clocks. */
  controlTimeMs: z.number(),
});
export type DrillerOrder = z.infer<typeof DrillerOrder>;

/** What the agent answers: the data of its result. */
export const DrillerConverged = Converged.extend({
  /** PEM of the public half of its recipient's key; null while there is none. */
  recipientKey: z.string().nullable(),
});
export type DrillerConverged = z.infer<typeof DrillerConverged>;
