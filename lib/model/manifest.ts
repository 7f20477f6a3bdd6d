import * as z from 'zod';
import { compressionOf } from './compression.ts';
import { ERRORS, type ErrorCode } from './error.ts';
import { DatabaseName, HostName, OffsiteName, RecipientName, Sha256 } from './names.ts';
import { RunId } from './run-id.ts';

/*
 * The manifest: the signed record of a run. An allow-list: what is not a field here cannot be published.
 * No field takes free text, so no message of a foreign program can carry a secret into the audit repository.
 */

/** The version of this schema. A reader takes newer minors and refuses other majors. */
export const MANIFEST_VERSION = '1.1';

const Bytes = z.int().min(0);
const Count = z.int().min(0);
const DurationMs = z.int().min(0);
export const Instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, milliseconds');
export const Version = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 .:+~_()-]{0,127}$/)
  .describe('A version as the program prints it');
const FileName = z
  .string()
  .regex(/^[A-Za-z0-9@%_~-][A-Za-z0-9@%._~-]{0,250}$/)
  .describe("Name of a file in the run's folder");

export const PHASES = ['preflight', 'dump', 'day-archive', 'ship', 'publish'] as const;
export type Phase = (typeof PHASES)[number];

export const VERIFICATIONS = ['re-hashed remotely', 'read back', 'size only'] as const;
/** How a copy was compared with what was meant to be written. */
export type Verification = (typeof VERIFICATIONS)[number];

const TableName = z
  .string()
  .min(1)
  .max(256)
  .refine((name) => !name.includes('\0'), 'a table name has no NUL');

const Sealed = {
  file: FileName,
  sealedBytes: Bytes.describe('Size of the ciphertext'),
  sha256: Sha256.describe('SHA-256 of the ciphertext'),
  segments: z
    .strictObject({
      file: FileName,
      sha256: Sha256.describe('SHA-256 of the side file'),
      segmentBytes: z.int().min(65536).max(1073741824).describe('Size of every segment but the last'),
    })
    .describe('Side file: the SHA-256 of each segment of the ciphertext, in hex, one a line'),
};

/** As many tables without transactions are named for an archive: a manifest is to stay below a mebibyte. */
export const NAMED_TABLES = 100;

const ArchiveFields = z.strictObject({
  kind: z.enum(['database', 'accounts']),
  database: DatabaseName.nullable().describe('null for the archive of the accounts'),
  ...Sealed,
  plainBytes: Bytes.describe('Size of the SQL'),
  compression: z
    .enum(['gzip', 'zstd'])
    .optional()
    .describe('What the name of the file says too; gzip if absent, as in version 1.0'),
  compressedBytes: Bytes.describe('Size of the .tar.gz or .tar.zst'),
  largestStatementBytes: Bytes.describe('The max_allowed_packet that a restore needs'),
  tables: Count,
  views: Count,
  sequences: Count,
  routines: Count,
  triggers: Count,
  events: Count,
  notPointInTimeTables: Count.describe(
    'Tables of engines without transactions: rows added during the dump may be in it',
  ),
  notPointInTime: z
    .array(z.strictObject({ table: TableName, engine: z.string().regex(/^[A-Za-z0-9_]{1,64}$/) }))
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

export const Copy = z.strictObject({
  kind: z.enum(['store', 'export', 'offsite']),
  offsite: OffsiteName.nullable().describe('null unless kind is offsite'),
  state: z
    .enum(['complete', 'owed', 'missing'])
    .describe('owed: a later run delivers it; missing: it could not be made'),
  verified: z.enum(VERIFICATIONS).nullable().describe('null unless the copy is complete'),
});
export type Copy = z.infer<typeof Copy>;

const BinlogPosition = z.strictObject({ file: z.string().regex(/^[A-Za-z0-9._/-]{1,255}$/), position: Count });

const Gtid = z.string().regex(/^[0-9,-]*$/);

/** What a run knows of the primaries whose data it has, so that a new replica can begin where the snapshot ends. */
export const ReplicationRecord = z.strictObject({
  sources: z.array(
    z.strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9_.-]{0,64}$/)
        .nullable()
        .describe('Name of the connection, empty for the one without a name; null for one with other characters in it'),
      lagSeconds: Count.describe('How far the server was behind when the run began'),
      delaySeconds: Count.describe('How far it is meant to be behind'),
      usesGtid: z.boolean(),
      filtered: z.boolean().describe('Whether parts of what the primary has are left out'),
      binlog: BinlogPosition.nullable().describe(
        "Place in the primary's binary log up to which the snapshot goes; null where that is not certain",
      ),
    }),
  ),
  gtid: Gtid.nullable().describe('gtid_slave_pos of the snapshot, over all sources; null where that is not certain'),
  applier: z
    .enum(['held', 'stopped', 'running'])
    .describe('While the dumps started: its commits were held back; it was stopped; or neither'),
  consistent: z
    .boolean()
    .describe("Whether the coordinates stood still, and the table of them, the server's memory and its own log agree"),
  ownWrites: z.boolean().describe("Whether the server's own binary log has transactions of its own"),
});
export type ReplicationRecord = z.infer<typeof ReplicationRecord>;

export const SnapshotRecord = z.strictObject({
  barrier: z.enum(['backup-stage', 'read-lock', 'single-dump']).describe('What made all dumps start at one point'),
  heldMs: DurationMs.describe('How long commits were held back'),
  binlog: BinlogPosition.nullable().describe('The position that every dump reported; null with the binary log off'),
  gtid: Gtid.nullable(),
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
        kind: z.enum(['group', 'lane', 'accounts']),
        databases: Count.describe('How many databases the program dumped: they name it in `dumpers`'),
        table: TableName.nullable().describe('The table of a lane that has one only'),
        part: z.int().min(1).nullable().describe('Which lane of its table it is, from 1 on'),
        tables: Count.optional().describe('How many tables a lane has'),
        binlog: BinlogPosition.nullable(),
      }),
    )
    .optional()
    .describe('What each dump program dumped, and the position that it reported; since 1.1'),
});
export type SnapshotRecord = z.infer<typeof SnapshotRecord>;

export const RecipientRecord = z.strictObject({
  name: RecipientName,
  fingerprint: Sha256.describe('SHA-256 of the public key as DER SubjectPublicKeyInfo'),
  wrappedKey: z.strictObject({ file: FileName, sha256: Sha256 }),
});
export type RecipientRecord = z.infer<typeof RecipientRecord>;

const ErrorCodes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const Manifest = z
  .strictObject({
    version: z
      .string()
      .regex(/^\d+\.\d+$/)
      .describe('Version of this schema: major.minor'),
    kind: z.literal('backup'),
    host: HostName,
    run: RunId,
    sequence: z.int().min(1).describe("Place in the host's chain, from 1 on, without gaps"),
    previous: Sha256.nullable().describe("SHA-256 of the host's manifest before this one; null for the first"),
    outcome: z.enum(['succeeded', 'failed', 'skipped']),
    startedAt: Instant,
    finishedAt: Instant,
    phases: z.array(z.strictObject({ name: z.enum(PHASES), durationMs: DurationMs })),
    software: z.strictObject({
      coffre: Version,
      node: Version,
      dump: Version.nullable(),
      compressor: Version.nullable(),
    }),
    givenUp: z
      .array(z.strictObject({ code: z.enum(ErrorCodes), durationMs: DurationMs }))
      .optional()
      .describe(
        'Attempts at the dumps that came before, each with a snapshot of its own, and why nothing of it is here; since 1.1',
      ),
    server: z
      .strictObject({
        version: Version,
        replication: ReplicationRecord.nullable()
          .default(null) // a manifest of version 1.0
          .describe('null for a server that follows no other'),
      })
      .nullable(),
    snapshot: SnapshotRecord.nullable(),
    encryption: z
      .strictObject({
        cipher: z.literal('aes-256-cbc'),
        kdf: z.literal('pbkdf2-sha256'),
        iterations: z.int().min(1).max(100_000_000),
        wrap: z.literal('rsa-oaep-sha256'),
      })
      .nullable(),
    recipients: z.array(RecipientRecord),
    archives: z
      .array(Archive)
      .describe('In an order in which they can be loaded, that of the day archive: the accounts last'),
    dayArchive: DayArchive.nullable(),
    instructions: z
      .strictObject({ store: Sha256, offsite: Sha256 })
      .nullable()
      .describe('SHA-256 of the RECOVERY.txt of the store, and of that of the export and the offsites'),
    copies: z.array(Copy),
    deliveries: z
      .array(z.strictObject({ run: RunId, offsite: OffsiteName, verified: z.enum(VERIFICATIONS) }))
      .describe('Copies of earlier runs that were owed and have been delivered by this one'),
    error: z
      .strictObject({ code: z.enum(ErrorCodes), phase: z.enum(PHASES) })
      .nullable()
      .describe('Why the run failed or was skipped, or what is owed'),
  })
  .describe('The signed record of one run of coffre');
export type Manifest = z.infer<typeof Manifest>;

/** The exact bytes that were signed, and the armored SSHSIG over them. */
export interface SignedManifest {
  readonly manifest: Manifest;
  readonly bytes: Buffer;
  readonly signature: Buffer;
  /** SHA-256 of `bytes`: what the next manifest calls `previous`. */
  readonly sha256: Sha256;
}

/** A signed manifest whose signature, host and run have been checked. Only `lib/audit` makes one. */
export type TrustedManifest = SignedManifest & { readonly trusted: unique symbol };
