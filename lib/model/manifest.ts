import * as z from 'zod';
import { Archive, DayArchive } from './archive-record.ts';
import { OffsiteName, RecipientName, Sha256 } from './names.ts';
import { hasHashesAlone, NamesRecord } from './names-record.ts';
import { DurationMs, ErrorCodeField, FileName, HEADER_FIELDS, SoftwareFields, Version } from './record-parts.ts';
import { RunId } from './run-id.ts';
import { ReplicationRecord, SnapshotRecord } from './snapshot-record.ts';
import { UntoldField } from './untold-record.ts';

/*
 * The manifest: the signed record of a run. An allow-list: what is not a field here cannot be published.
 * No field takes free text, so no message of a foreign program can carry a secret into the audit repository.
 */

export const PHASES = ['preflight', 'dump', 'day-archive', 'ship', 'publish'] as const;
export type Phase = (typeof PHASES)[number];

export const VERIFICATIONS = ['re-hashed remotely', 'read back', 'size only'] as const;
/** How a copy was compared with what was meant to be written. */
export type Verification = (typeof VERIFICATIONS)[number];

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
    untold: UntoldField,
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
