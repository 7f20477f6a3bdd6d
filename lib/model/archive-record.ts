import * as z from 'zod';
import { compressionOf } from './compression.ts';
import { DatabaseName, Sha256 } from './names.ts';
import { Bytes, Count, FileName, TableName } from './record-parts.ts';

/* What a manifest says of the sealed files of its run. */

const Sealed = {
  file: FileName.describe('Name of the ciphertext in the folder of the run'),
  sealedBytes: Bytes.describe('Size of the ciphertext'),
  sha256: Sha256.describe('SHA-256 of the ciphertext'),
  segments: z
    .strictObject({
      file: FileName.describe('Name of the side file'),
      sha256: Sha256.describe('SHA-256 of the side file'),
      segmentBytes: z.int().min(65536).max(1073741824).describe('Size of every segment but the last'),
    })
    .describe('Side file: the SHA-256 of each segment of the ciphertext, in hex, one a line'),
};

/** As many tables without transactions are named for an archive: a manifest is to stay below a mebibyte. */
export const NAMED_TABLES = 100;

const ArchiveFields = z.strictObject({
  kind: z.enum(['database', 'accounts']).describe('One database, or the accounts of the server with their grants'),
  database: DatabaseName.nullable().describe('null for the archive of the accounts'),
  ...Sealed,
  plainBytes: Bytes.describe('Size of the SQL'),
  compression: z
    .enum(['gzip', 'zstd'])
    .optional()
    .describe('What the name of the file says too; gzip if absent, as in version 1.0'),
  compressedBytes: Bytes.describe('Size of the .tar.gz or .tar.zst'),
  largestStatementBytes: Bytes.describe('The max_allowed_packet that a restore needs'),
  tables: Count.describe('Tables in it, without views and sequences'),
  views: Count.describe('Views in it'),
  sequences: Count.describe('Sequences in it'),
  routines: Count.describe('Stored procedures and functions in it, packages too'),
  triggers: Count.describe('Triggers in it'),
  events: Count.describe('Events in it'),
  notPointInTimeTables: Count.describe(
    'Tables of engines without transactions: rows added during the dump may be in it',
  ),
  notPointInTime: z
    .array(
      z.strictObject({
        table: TableName.describe('Name of the table'),
        engine: z
          .string()
          .regex(/^[A-Za-z0-9_]{1,64}$/)
          .describe('Its engine, as the server names it'),
      }),
    )
    .max(NAMED_TABLES)
    .optional()
    .describe('These tables by name, the first ones where there are very many; since 1.1'),
  dumpers: z
    .array(Count)
    .optional()
    .describe('Which of snapshot.positions are those of the programs that dumped it, from 0 on; since 1.1'),
});

/** A reader goes by the name of the file, so that a manifest in which it says something else is none. */
export const Archive = ArchiveFields.refine(({ file, compression = 'gzip' }) => compressionOf(file) === compression, {
  path: ['compression'],
  message: 'not what the name of the file says',
});
export type Archive = z.infer<typeof Archive>;

export const DayArchive = z.strictObject({ ...Sealed, plainBytes: Bytes.describe('Size of the tar') });
export type DayArchive = z.infer<typeof DayArchive>;
