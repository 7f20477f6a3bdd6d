import * as z from 'zod';
import { Count, DurationMs, TableName } from './record-parts.ts';

/* What a manifest says of the moment that its run is of, on the server and on the primaries that this one follows. */

const BinlogPosition = z.strictObject({
  file: z
    .string()
    .regex(/^[A-Za-z0-9._/-]{1,255}$/)
    .describe('File of the binary log'),
  position: Count.describe('Position in that file'),
});

const Gtid = z.string().regex(/^[0-9,-]*$/);

/** What a run knows of the primaries whose data it has, so that a new replica can begin where the snapshot ends. */
export const ReplicationRecord = z.strictObject({
  sources: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9_.-]{0,64}$/)
          .nullable()
          .describe(
            'Name of the connection, empty for the one without a name; null for one with other characters in it',
          ),
        lagSeconds: Count.describe('How far the server was behind when the run began'),
        delaySeconds: Count.describe('How far it is meant to be behind'),
        usesGtid: z.boolean().describe('Whether the connection goes by GTID'),
        filtered: z.boolean().describe('Whether parts of what the primary has are left out'),
        binlog: BinlogPosition.nullable().describe(
          "Place in the primary's binary log up to which the snapshot goes; null where that is not certain",
        ),
      }),
    )
    .describe('One for each server that this one follows'),
  gtid: Gtid.nullable().describe('gtid_slave_pos of the snapshot, over all sources; null where that is not certain'),
  applier: z
    .enum(['held', 'stopped', 'running'])
    .describe('While the dumps started: its commits were held back; it was stopped; or neither'),
  consistent: z
    .boolean()
    .describe("Whether the coordinates stood still, and the table of them, the server's memory and its own log agree"),
  ownWrites: z
    .boolean()
    .describe(
      "Whether the server's own binary log has transactions of its own that are newer, by their numbers, than all it has applied; false too where it does not log what it applies, and nobody can compare",
    ),
});
export type ReplicationRecord = z.infer<typeof ReplicationRecord>;

export const SnapshotRecord = z.strictObject({
  barrier: z.enum(['backup-stage', 'read-lock', 'single-dump']).describe('What made all dumps start at one point'),
  heldMs: DurationMs.describe('How long commits were held back'),
  binlog: BinlogPosition.nullable().describe('The position that every dump reported; null with the binary log off'),
  gtid: Gtid.nullable().describe('gtid_binlog_pos of the snapshot; null with the binary log off'),
  dumps: Count.describe('Dumps that reported this same position'),
  waitedMs: DurationMs.optional().describe('How long the lock was waited for, while others went on; since 1.1'),
  fallback: z
    .enum(['lock-timeout', 'hold-limit', 'too-many-connections'])
    .nullable()
    .optional()
    .describe('Why there was no barrier, and one dump of all databases instead; since 1.1'),
  lockedTables: Count.optional().describe(
    'Tables of engines without transactions that nobody could write to until they were dumped; since 1.1',
  ),
  positions: z
    .array(
      z.strictObject({
        kind: z
          .enum(['group', 'lane', 'accounts'])
          .describe('Whole databases, a part of the tables of one, or the accounts'),
        databases: Count.describe('How many databases the program dumped: they name it in `dumpers`'),
        table: TableName.nullable().describe('The table of a lane that has one only'),
        part: z.int().min(1).nullable().describe('Which lane of its table it is, from 1 on'),
        tables: Count.optional().describe('How many tables a lane has'),
        binlog: BinlogPosition.nullable().describe('The position that it reported; null with the binary log off'),
      }),
    )
    .optional()
    .describe('What each dump program dumped, and the position that it reported; since 1.1'),
});
export type SnapshotRecord = z.infer<typeof SnapshotRecord>;
