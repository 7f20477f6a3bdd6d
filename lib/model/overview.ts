import type { ErrorCode } from './error.ts';
import type { Verification } from './manifest.ts';
import type { HostName, Sha256 } from './names.ts';
import type { RunId } from './run-id.ts';
import type { Verdict } from './verify-record.ts';

/*
 * What the audit repository says of every host, for people: the page, `status`. All of it is by signed records alone; what
 * the rules have against a record stands beside it as a finding.
 */

/**
 * What became of a night. `missing`: a run was due, and there is no record of any; `awaited`: the same, within the hours
 * of grace; `none due`: the schedule has no run at that date.
 */
export const NIGHT_OUTCOMES = ['succeeded', 'failed', 'skipped', 'missing', 'awaited', 'none due'] as const;
export type NightOutcome = (typeof NIGHT_OUTCOMES)[number];

/** What a rule has found. */
export interface OverviewFinding {
  readonly rule: string;
  readonly severity: 'error' | 'warning';
  /** Path in the audit repository. */
  readonly path: string | null;
  readonly message: string;
  readonly hint: string;
}

/** A published run, as far as a person wants to see it. */
export interface OverviewRun {
  readonly run: RunId;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly databases: number;
  /** The SQL of all archives. */
  readonly plainBytes: number;
  /** What a copy takes: the day archive, or all archives where there is none. */
  readonly sealedBytes: number;
  readonly errorCode: ErrorCode | null;
}

export interface Night {
  /** Calendar date on the clocks of the host: `2026-11-22`. */
  readonly date: string;
  readonly outcome: NightOutcome;
  /** How many runs of that night there are records of. */
  readonly runs: number;
  /** The best of them, and the last one of these: the outcome is its. */
  readonly run: OverviewRun | null;
  /** What the rules have found of the records of its runs; of its size and duration, what they found in that night. */
  readonly findings: readonly OverviewFinding[];
}

/** What `verify` found of a copy, by a record of the host's own. */
export interface CopyLook {
  readonly at: string;
  readonly verdict: Exclude<Verdict, 'unread'>;
  /** How many segments of its sealed files were read, where it was not all of them. */
  readonly sampled: { readonly read: number; readonly total: number } | null;
}

/**
 * A copy of a run, as the records tell it by now: one that was owed may have been delivered by a later run, and one that was
 * complete may have been removed by retention.
 */
export interface OverviewCopy {
  /** `store`, `export`, or the name of the offsite. */
  readonly place: string;
  readonly state: 'complete' | 'owed' | 'missing' | 'removed';
  /** How it was verified when it was made; null where it never was. */
  readonly verified: Verification | null;
  /** The later run that has delivered it. */
  readonly deliveredBy: RunId | null;
  /** The newest look at it since; null where none is on record. */
  readonly looked: CopyLook | null;
}

export interface CopiedRun {
  readonly run: RunId;
  readonly startedAt: string;
  readonly copies: readonly OverviewCopy[];
}

export interface OverviewDrill {
  readonly drill: RunId;
  readonly driller: HostName;
  /** The run that was restored. */
  readonly run: RunId | null;
  readonly outcome: 'succeeded' | 'failed';
  readonly finishedAt: string;
  /** `store`, `export`, or the name of the offsite. */
  readonly place: string;
  /** null for one that failed. */
  readonly proof: { readonly databases: number; readonly tables: number; readonly recoveryMs: number } | null;
  readonly errorCode: ErrorCode | null;
}

/** How the records of a host hang together. */
export type ChainStatus =
  | { readonly kind: 'whole'; readonly length: number; readonly head: Sha256 }
  | { readonly kind: 'broken'; readonly findings: readonly OverviewFinding[] }
  | { readonly kind: 'empty' };

export interface HostOverview {
  readonly host: HostName;
  readonly state: 'fresh' | 'stale' | 'missing' | 'retired';
  /** null for a host that has left the inventory. */
  readonly schedule: { readonly cron: string; readonly timezone: string } | null;
  /** The oldest first, without a gap, up to today; none before the first record of the host. */
  readonly nights: readonly Night[];
  readonly latest: { readonly run: RunId; readonly outcome: 'succeeded' | 'failed' | 'skipped' } | null;
  readonly latestSucceeded: OverviewRun | null;
  /** The newest runs that succeeded, the newest first. */
  readonly copied: readonly CopiedRun[];
  /** How many runs of late each place still lacks; only places that lack some. */
  readonly owed: readonly { readonly place: string; readonly runs: number }[];
  readonly drill: {
    readonly state: 'fresh' | 'stale' | 'missing' | 'undemanded';
    /** null where nobody asks for drills. */
    readonly maxAgeDays: number | null;
    readonly latest: OverviewDrill | null;
    /** The last one that proves that a run of then could be restored. */
    readonly latestProof: OverviewDrill | null;
  } | null;
  /** The last provisioning on record; null where there is none. */
  readonly provisioned: {
    readonly finishedAt: string;
    readonly outcome: 'succeeded' | 'failed';
    readonly errorCode: ErrorCode | null;
  } | null;
  readonly chain: ChainStatus;
  /** All of this host, errors first. */
  readonly findings: readonly OverviewFinding[];
}

export interface AuditOverview {
  /** The commit that was read; null for an empty repository. */
  readonly head: string | null;
  readonly madeAt: string;
  readonly manifests: number;
  readonly drills: number;
  /** Hosts of the inventory, by name. */
  readonly hosts: readonly HostOverview[];
  /** Hosts that have left it on purpose. */
  readonly retired: readonly HostOverview[];
  /** Findings that are of no host of the inventory. */
  readonly findings: readonly (OverviewFinding & { readonly host: HostName | null })[];
}
