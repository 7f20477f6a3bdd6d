import * as z from 'zod';
import { HostName, Sha256 } from './names.ts';
import { Instant } from './record-parts.ts';

/** How a kind of record is spelt, also one that only a newer version has: it is a part of a file's name. */
export const RecordKind = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
  .max(32);

/** What is read of a record whose kind only a newer minor version has: enough for its place in the host's chain. */
export const RecordHeader = z.object({
  version: z.string(),
  kind: RecordKind,
  host: HostName,
  sequence: z.int().min(1),
  previous: Sha256.nullable(),
  outcome: RecordKind,
  startedAt: Instant,
  finishedAt: Instant,
});
export type RecordHeader = z.infer<typeof RecordHeader>;
