import * as z from 'zod';
import { ERRORS, type ErrorCode } from './error.ts';
import { FarEndCondition } from './far-end.ts';
import { OffsiteName } from './names.ts';
import { Slice } from './slice.ts';

/** A number that belongs to a condition, for whoever draws curves. */
export const Figure = z.strictObject({
  /** Without a space, such as `store_free`. */
  name: z.string().regex(/^[a-z0-9_]+$/),
  value: z.number(),
  /** Seconds, bytes, or a count. */
  unit: z.enum(['s', 'B', '']),
});
export type Figure = z.infer<typeof Figure>;

/** One condition under which a host has whole backups, and whether it holds. */
export const Condition = FarEndCondition.extend({
  /** What it is of, where that is not the host itself: `offsite contractor`, `ntfy`. */
  of: z.string().nullable(),
  /** `warning`: backups go on, and somebody should look. */
  severity: z.enum(['critical', 'warning']),
  /** Of one that failed: the code of the error that a backup would end with; null where it would not. */
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]).nullable(),
  figures: z.array(Figure),
});
export type Condition = z.infer<typeof Condition>;

/** What control asks of an agent, on its standard input: one line of JSON. */
export const CheckOrder = z.strictObject({
  slice: Slice,
  /** By offsite: folders of other hosts on its server, which this host must not be able to read. */
  otherFolders: z.record(OffsiteName, z.array(z.string())),
  /** The time at control, in milliseconds since 1970; null where there is no control, and no clock to compare with. */
  controlTimeMs: z.number().nullable(),
  /** How long each condition may take. */
  limitMs: z.int().min(1),
});
export type CheckOrder = z.infer<typeof CheckOrder>;

/** What the agent answers: the data of its result. */
export const HostChecked = z.strictObject({ conditions: z.array(Condition) });
export type HostChecked = z.infer<typeof HostChecked>;

/** A host and all its conditions. */
export interface HostCheck {
  readonly host: string;
  readonly conditions: readonly Condition[];
}
