import * as z from 'zod';
import { compressionOf } from './compression.ts';
import { DatabaseName, OffsiteName, RecipientName, Sha256 } from './names.ts';
import { hasHashesAlone, NamesRecord } from './names-record.ts';
import {
  Bytes,
  Count,
  DurationMs,
  ErrorCodeField,
  FileName,
  HEADER_FIELDS,
  SoftwareFields,
  Version,
} from './record-parts.ts';
import { RunId } from './run-id.ts';

/*
 * The manifest: the signed record of a run. An allow-list: what is not a field here cannot be published.
 * No field takes free text, so no message of a foreign program can carry a secret into the audit repository.
 */

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

export const Copy = z.strictObject({
  kind: z.enum(['store', 'export', 'offsite']).describe('Which place it is at'),
  offsite: OffsiteName.nullable().describe('null unless kind is offsite'),
  state: z
    .enum(['complete', 'owed', 'missing'])
    .describe('owed: a later run delivers it; missing: it could not be made'),
  verified: z
    .enum(VERIFICATIONS)
    .nullable()
    .describe('How it was compared with what was meant to be written; null unless it is complete'),
});
export type Copy = z.infer<typeof Copy>;

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

export const RecipientRecord = z.strictObject({
  name: RecipientName.describe('Name of the recipient in the inventory'),
  fingerprint: Sha256.describe('SHA-256 of the public key as DER SubjectPublicKeyInfo'),
  wrappedKey: z
    .strictObject({
      file: FileName.describe('Name of the file with the passphrase of the run, sealed with the key of this recipient'),
      sha256: Sha256.describe('SHA-256 of that file'),
    })
    .describe('The passphrase of the run as this recipient can open it'),
});
export type RecipientRecord = z.infer<typeof RecipientRecord>;

export const Manifest = z
  .strictObject({
    kind: z.literal('backup').describe('One run of a backup'),
    ...HEADER_FIELDS,
    host: HEADER_FIELDS.host.describe('The host whose run this is, and whose key has signed it'),
    run: RunId.describe('Name of the run: its start, UTC, to the second'),
    outcome: z
      .enum(['succeeded', 'failed', 'skipped'])
      .describe('skipped: another run was under way; after a failed or skipped one there is nothing to restore from'),
    phases: z
      .array(
        z.strictObject({
          name: z.enum(PHASES).describe('Which phase'),
          durationMs: DurationMs.describe('How long it took'),
        }),
      )
      .describe(
        'The phases that the run came to the end of, in their order, as far as they were over when it was signed',
      ),
    software: z
      .strictObject({
        ...SoftwareFields,
        dump: Version.nullable().describe('Version of mariadb-dump; null where the run did not come to it'),
        compressor: Version.nullable().describe(
          'What compressed, and its version; null where the run did not come to it',
        ),
      })
      .describe('What made this run'),
    givenUp: z
      .array(
        z.strictObject({
          code: ErrorCodeField.describe('Why the attempt was given up'),
          durationMs: DurationMs.describe('How long it had taken'),
        }),
      )
      .optional()
      .describe(
        'Attempts at the dumps that came before, each with a snapshot of its own, and why nothing of it is here; since 1.1',
      ),
    server: z
      .strictObject({
        version: Version.describe('Version of the database server'),
        replication: ReplicationRecord.nullable()
          .default(null) // a manifest of version 1.0
          .describe('null for a server that follows no other'),
      })
      .nullable()
      .describe('The database server; null where the run did not come to it'),
    snapshot: SnapshotRecord.nullable().describe('The moment that all archives are of; null where there are none'),
    encryption: z
      .strictObject({
        cipher: z.literal('aes-256-cbc').describe('Cipher of the sealed files, in the format of openssl enc'),
        kdf: z.literal('pbkdf2-sha256').describe('How openssl enc gets its key from the passphrase'),
        iterations: z.int().min(1).max(100_000_000).describe('Iterations of that: -iter'),
        wrap: z
          .literal('rsa-oaep-sha256')
          .describe('How the passphrase is sealed for each recipient, MGF1 with SHA-256'),
      })
      .nullable()
      .describe('How the run is sealed; null where it did not come to it'),
    recipients: z.array(RecipientRecord).describe('Who can open the run, each alone'),
    archives: z
      .array(Archive)
      .describe('In an order in which they can be loaded, that of the day archive: the accounts last'),
    names: NamesRecord.optional().describe(
      'How databases and tables are named here, and by files, where that is not as they are named in the server; since 1.2',
    ),
    dayArchive: DayArchive.nullable().describe(
      'All archives in one sealed tar, in the export and at the offsites; null where there is none',
    ),
    instructions: z
      .strictObject({
        store: Sha256.describe('SHA-256 of the RECOVERY.txt of the store'),
        offsite: Sha256.describe('SHA-256 of the RECOVERY.txt of the export and the offsites'),
      })
      .nullable()
      .describe('The instructions that lie beside the copies; null where there are no archives'),
    copies: z.array(Copy).describe('Where the run is, and where it should be'),
    deliveries: z
      .array(
        z.strictObject({
          run: RunId.describe('The earlier run'),
          offsite: OffsiteName.describe('Where it has come to'),
          verified: z.enum(VERIFICATIONS).describe('How the copy was compared with what was meant to be written'),
        }),
      )
      .describe('Copies of earlier runs that were owed to an offsite and have been delivered by this one'),
    storeDeliveries: z
      .array(
        z.strictObject({
          run: RunId.describe('The earlier run'),
          verified: z.enum(VERIFICATIONS).describe('How the copy was compared with what was meant to be written'),
        }),
      )
      .optional()
      .describe(
        'Runs that were owed to the store, because it was not to be had, and have come there by this one; since 1.3',
      ),
    error: z
      .strictObject({ code: ErrorCodeField, phase: z.enum(PHASES).describe('In which phase') })
      .nullable()
      .describe('Why the run failed or was skipped, or what is owed'),
  })
  .refine(({ names, archives, snapshot }) => !names || hasHashesAlone(archives, snapshot?.positions), {
    path: ['names'],
    message: 'not what the names are',
  })
  .describe('The signed record of one run of coffre');
export type Manifest = z.infer<typeof Manifest>;

/**
 * A manifest as it was signed, but with the real names in the place of their hashes: for whoever has opened the run. Nothing
 * that publishes takes one, and where it says that its names are hashed, it is no manifest by the schema either.
 */
export type RevealedManifest = Manifest & { readonly revealed: unique symbol };

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
