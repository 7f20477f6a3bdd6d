import type { ThrowawayServer } from '../../lib/database/throwaway-server.ts';
import type { Manifest } from '../../lib/model/manifest.ts';
import type { Program } from '../../lib/system/programs.ts';
import type { BenchWorld } from './bench-world.ts';
import type { Timed } from './timed.ts';

/** What one backup took. */
export interface Taken extends Timed {
  /** Size of all files that it has left, in the copy that is furthest from the server. */
  readonly storedBytes: number;
  /** What coffre has put on record. */
  readonly manifest?: Manifest;
}

/** Something that takes backups of the world's server, measured beside others. */
export interface Contestant {
  /** As `--peers` and the table call it. */
  readonly name: string;
  /** What is run, with its settings, on one line. */
  readonly does: string;
  /** What of coffre's work it does not do; empty for coffre. */
  readonly leavesOut: readonly string[];
  /** Foreign programs that it cannot do without, beside those that coffre and its tests need anyway. */
  readonly programs: readonly Program[];
  /** The most that coffre may take as a part of this one's time, for 1.5 GB of the mixed shape; null where nothing is asked. */
  readonly aim: number | null;
  /** MB of SQL a second on two cores, roughly: only for telling beforehand how long it all takes. */
  readonly roughMBps: number;
  /** One backup, from the first byte read to the last that is where it belongs. What it needs beforehand is not timed. */
  takeBackup(bench: BenchWorld, signal?: AbortSignal): Promise<Taken>;
  /**
   * Restores what the last backup has left, into a new server whose files are in `folder`; absent when it leaves
   * nothing. The caller stops the server.
   */
  readonly restore?: (bench: BenchWorld, folder: string) => Promise<ThrowawayServer>;
  /** Removes all that the last backup has left. */
  clear(bench: BenchWorld): Promise<void>;
}
