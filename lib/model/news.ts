import type { ErrorCode } from './error.ts';
import type { ToldEvent } from './notify-config.ts';

/**
 * What people are told of a task, and nothing else of it is ever sent: names of hosts and places, sizes, times, and codes of the
 * one table of errors. No message of any program, no path, no name of a database.
 */
export interface News {
  readonly event: ToldEvent;
  readonly task: 'backup' | 'drill';
  /** The host that was backed up, or the machine that drilled. */
  readonly host: string;
  /** null where none has begun. */
  readonly run: string | null;
  /** RFC 3339. */
  readonly at: string;
  /** Why it is owed, or has failed; null otherwise. */
  readonly code: ErrorCode | null;
  readonly durationMs: number | null;
  /** Of the run; null where there is none. */
  readonly figures: { readonly databases: number; readonly sqlBytes: number; readonly sealedBytes: number } | null;
  /** Copies of the run; empty where there is no run. */
  readonly copies: readonly { readonly place: string; readonly state: string }[];
  /** The hosts of a drill; empty for anything else. */
  readonly drilled: readonly {
    readonly host: string;
    readonly outcome: 'succeeded' | 'failed';
    readonly recoveryMs: number | null;
  }[];
}

/** News in the words for people. */
export interface Wording {
  /** One line. */
  readonly subject: string;
  /** A few lines. */
  readonly text: string;
}
