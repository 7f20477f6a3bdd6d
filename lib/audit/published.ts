import type { Delivered } from '../model/delivered.ts';
import type { DrillRecord } from '../model/drill-record.ts';
import type { Manifest, RecipientRecord } from '../model/manifest.ts';
import type { RecipientName, Sha256 } from '../model/names.ts';
import type { HostRecord } from '../model/record.ts';
import type { RecordHeader } from '../model/record-header.ts';
import type { RunId } from '../model/run-id.ts';

/** What the rules need of one published manifest, and whether its signature was found good. */
export type PublishedLink = Pick<
  Manifest,
  'host' | 'run' | 'sequence' | 'previous' | 'outcome' | 'startedAt' | 'finishedAt' | 'copies' | 'error'
> &
  Found & {
    readonly deliveries: readonly Delivered[];
    readonly figures: Figures;
    /** Whose keys the passphrase of the run is sealed with. */
    readonly sealedFor: readonly Pick<RecipientRecord, 'name' | 'fingerprint'>[];
    /** What a run that succeeded has to have, and this one has not. */
    readonly lacks: readonly string[];
  };

/** How much a run was. A run that failed has what it came to. */
export interface Figures {
  readonly databases: number;
  /** The SQL of all archives. */
  readonly plainBytes: number;
  /** The ciphertext of all archives. */
  readonly sealedBytes: number;
  /** null where there is no day archive. */
  readonly dayArchiveBytes: number | null;
  readonly recipients: readonly RecipientName[];
}

/** What the rules need of the published record of a drill. */
export type PublishedDrill = Omit<DrillRecord, 'version' | 'kind' | 'phases' | 'software'> & Found;

/** A published record of a host that is neither a run nor a drill: a link of the host's chain like its runs. */
export type PublishedRecord = RecordHeader &
  Found & {
    /** When it began. */
    readonly name: RunId;
    /** All of it; null for a kind that only a newer version has. */
    readonly record: HostRecord | null;
  };

/** Where a published record was found, and what its signature is worth. */
export interface Found {
  readonly path: string;
  readonly sha256: Sha256;
  /** Whether its signature is good, by a key that was valid when it says it was made. */
  readonly trusted: boolean;
  /** Fingerprint of the key that has signed it, valid then or not; null where none of those that may has. */
  readonly signedBy: string | null;
}
