import type { Verification } from '../model/manifest.ts';
import type { Sha256 } from '../model/names.ts';
import type { RunId } from '../model/run-id.ts';
import type { Resumable } from './resumable.ts';
import type { RunReader } from './run-reader.ts';

/** What a file must be once it has arrived. */
export interface ContentFacts {
  readonly sizeBytes: number;
  readonly sha256: Sha256;
}

/** Ciphertext, or a small file that is public anyway. An offsite never gets anything else. */
export type Shippable = Resumable | Buffer;

/**
 * A place away from the host that keeps runs, one folder each. Untrusted: it stores ciphertext, and what it says about
 * it is checked.
 *
 * An implementation MUST show a run under its name only when `commit` has been called, MUST never write into or over a
 * finished run but by `addFile`, and MUST throw rather than say "absent" when it cannot look.
 */
export interface Offsite {
  /** For people. */
  readonly where: string;
  /** Finished runs, oldest first. */
  listRuns(): Promise<readonly RunId[]>;
  /** Runs whose upload was begun and never finished. */
  listPartials(): Promise<readonly RunId[]>;
  /**
   * Throws `refused` when the run is there. What an earlier try of the same run has left is gone on with, where it is what would be
   * sent, and else replaced.
   */
  beginRun(run: RunId): Promise<RunUpload>;
  /** undefined when the run is not there. */
  openRun(run: RunId): Promise<RunReader | undefined>;
  /** Adds a small file to a finished run, the only thing that ever is. What is there under that name stays as it is. */
  addFile(run: RunId, name: string, content: Buffer): Promise<void>;
  removeRun(run: RunId): Promise<void>;
  removePartial(run: RunId): Promise<void>;
  /** Sentences on what was found to be weaker here than it should be. */
  weaknesses(): readonly string[];
  close(): void;
}

/** The upload of one run. Ends with `commit` or `discard`. */
export interface RunUpload {
  /**
   * Sends one file, or what is missing of it over there, and compares what has arrived with its facts. Returns how it compared. They are asked for once the
   * content has ended, and not before: it may still be growing when it is begun to be sent.
   * Throws `verification-failed` when they differ.
   */
  put(name: string, content: Shippable, facts: () => Promise<ContentFacts>): Promise<Verification>;
  /** Makes the run appear under its name, in one step, with the files that were put and no others. The manifest MUST have been put last. */
  commit(): Promise<void>;
  /** Removes what was sent. Without `commit` or `discard` it stays, for a later `beginRun` to go on with. */
  discard(): Promise<void>;
}
