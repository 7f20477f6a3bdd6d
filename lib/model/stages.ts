import type { Sha256 } from './names.ts';

/*
 * The stages of a backup, each a type of its own, so that the wrong order does not compile:
 *
 *   Snapshot → DumpStream → ArchiveStream → SealedStream → StoredArchive → DayArchive → ShippedArchive
 *   → Manifest → SignedManifest → Publication
 *
 * Bulk data is an AsyncIterable of Buffers throughout: a consumer that stops reading stops the producer.
 *
 * A chunk is its reader's only until the next one is asked for: producers use their memory again and again, because
 * every buffer that is left to the garbage collector costs more than what is done with it. Who keeps bytes copies them.
 */

declare const stage: unique symbol;

/** Chunks, each valid until the next one is asked for. */
export type Bytes = AsyncIterable<Buffer>;

/** The SQL of one database as the dump program wrote it. Plaintext: MUST NOT reach a disk. */
export type DumpStream = Bytes & { readonly [stage]: 'dump' };

/** A `.tar.gz` or `.tar.zst` with the dump as numbered members. Plaintext: MUST NOT reach a disk. */
export type ArchiveStream = Bytes & { readonly [stage]: 'archive' };

/** The day archive's tar before it is sealed. Plaintext: MUST NOT reach a disk. */
export type TarStream = Bytes & { readonly [stage]: 'tar' };

/** Ciphertext in openssl's `Salted__` format: the only thing that a store, an export or an offsite takes. */
export type SealedStream = Bytes & { readonly [stage]: 'sealed' };

/** Ciphertext whose digest a signed manifest vouches for, checked segment by segment as it is read. */
export type VerifiedStream = Bytes & { readonly [stage]: 'verified' };

/** What anyone can check of a sealed file without a key. */
export interface SealedFile {
  /** Name in the run's folder. */
  readonly file: string;
  readonly sealedBytes: number;
  readonly sha256: Sha256;
  readonly segments: SegmentsFile;
}

/** The side file with the SHA-256 of each segment of a sealed file, in order, one in hex a line. */
export interface SegmentsFile {
  readonly file: string;
  readonly sha256: Sha256;
  readonly segmentBytes: number;
}

/** Marks `bytes` as a stage. Only the room that makes the stage calls this. */
export function asStage<S extends Bytes>(bytes: Bytes): S {
  return bytes as S;
}
