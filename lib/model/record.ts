import * as z from 'zod';
import { DrillRecord } from './drill-record.ts';
import { Manifest } from './manifest.ts';
import type { Sha256 } from './names.ts';
import { KeyRotationRecord, ProvisionRecord } from './provision-record.ts';
import { PruneRecord } from './prune-record.ts';
import type { RecordHeader } from './record-header.ts';
import { VerifyRecord } from './verify-record.ts';

/** What a host puts on record beside its runs. Each is a link of the host's own chain. */
export const HostRecord = z.discriminatedUnion('kind', [VerifyRecord, PruneRecord, ProvisionRecord, KeyRotationRecord]);
export type HostRecord = z.infer<typeof HostRecord>;

/** Any record that is published: those of a host make one chain, the drills of a host by one driller another. */
export const AuditRecord = z.discriminatedUnion('kind', [Manifest, ...HostRecord.options, DrillRecord]);
export type AuditRecord = z.infer<typeof AuditRecord>;

/**
 * The exact bytes that were signed, with the armored SSHSIG over them, and what they say: all of it, or the header of a kind
 * that only a newer version has.
 */
export type SignedHostRecord = ({ readonly record: HostRecord } | { readonly header: RecordHeader }) & {
  readonly bytes: Buffer;
  readonly signature: Buffer;
  /** SHA-256 of `bytes`: what the next record calls `previous`. */
  readonly sha256: Sha256;
};
