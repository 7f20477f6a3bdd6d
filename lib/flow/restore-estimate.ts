import type { Archive } from '../model/archive-record.ts';

/** What a restore is going to take. About: it depends on the server, its disk, and on what the rows are like. */
export interface RestoreEstimate {
  /** What the new databases come to in the server's data folder. */
  readonly needsBytes: number;
  /** What is free there; null where the server is another machine's, or its folder cannot be looked at. */
  readonly freeBytes: number | null;
  /** What the old databases have besides, until the new ones are verified. */
  readonly oldBytes: number;
  readonly seconds: number;
}

export interface EstimateWish {
  readonly freeBytes: number | null;
  readonly oldBytes: number;
  /** Whether the copy is read over a line. */
  readonly far: boolean;
}

/** Rows with their keys, in the pages of an engine, to the same rows as SQL. */
const DATA_TO_SQL = 1.5;

/** Bytes a second on two cores with an ordinary disk: ciphertext that is verified, SQL that is loaded, and dumped once more. */
const VERIFIED = 500e6;
const VERIFIED_FAR = 50e6;
const LOADED = 15e6;
const COMPARED = 80e6;

/** What goes on once for every database: programs that start, folders that are synced. */
const EACH_SECONDS = 0.5;

export function estimateRestore(
  archives: readonly Pick<Archive, 'plainBytes'>[],
  readBytes: number,
  { freeBytes, oldBytes, far }: EstimateWish,
): RestoreEstimate {
  const plainBytes = archives.reduce((total, archive) => total + archive.plainBytes, 0);
  const reading = readBytes / (far ? VERIFIED_FAR : VERIFIED);
  // The second reading goes on beside the loading; over a slow line it is what takes longer.
  const loading = Math.max(plainBytes / LOADED, far ? reading : 0);
  const seconds = reading + loading + plainBytes / COMPARED + archives.length * EACH_SECONDS;
  return { needsBytes: Math.round(plainBytes * DATA_TO_SQL), freeBytes, oldBytes, seconds: Math.ceil(seconds) };
}
