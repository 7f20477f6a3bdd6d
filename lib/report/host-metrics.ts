import type { DrillerMemory, HostMemory } from '../model/host-memory.ts';
import { startOfRun } from '../model/run-id.ts';
import { COFFRE_VERSION } from '../model/version.ts';
import { type MetricName, metricsOf, type NamedSample, secondsOf } from './metric-names.ts';
import type { Metric } from './prometheus.ts';

/** What is so at the moment in which the metrics are written. */
export interface HostNow {
  readonly host: string;
  /** Copies and records that are owed, by place; 0 where none is. */
  readonly owed: Readonly<Record<string, number>>;
  /** By place. */
  readonly freeBytes: Readonly<Record<string, number>>;
  /** By when the next good run has to have begun; null while there has been none. */
  readonly deadline: Date | null;
}

const OUTCOMES = ['success', 'owed', 'failure', 'skipped'] as const;

/** What a host writes of itself. Databases are named as in its manifests: where names are confidential, by their hashes. */
export function hostMetrics({ latest, succeeded, looked, kept }: HostMemory, now: HostNow): readonly Metric[] {
  const own = { host: now.host, source: 'host' };
  const one = (name: MetricName, value: number, labels: Readonly<Record<string, string>> = {}): NamedSample => ({
    ...{ name, value, labels: { ...own, ...labels } },
  });
  const byPlace = (name: MetricName, values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([place, value]) => one(name, value, { place }));
  return metricsOf([
    { name: 'coffre_build_info', labels: { version: COFFRE_VERSION }, value: 1 },
    ...(latest
      ? [
          one('coffre_last_run_timestamp_seconds', secondsOf(latest.finishedAt)),
          one('coffre_last_run_duration_seconds', latest.durationMs / 1000),
          ...OUTCOMES.map((outcome) => one('coffre_last_run_outcome', latest.outcome === outcome ? 1 : 0, { outcome })),
        ]
      : []),
    ...(succeeded
      ? [
          one('coffre_last_success_timestamp_seconds', secondsOf(startOfRun(succeeded.run))),
          one('coffre_run_plain_bytes', succeeded.plainBytes),
          one('coffre_run_sealed_bytes', succeeded.sealedBytes),
          ...(succeeded.heldMs === null ? [] : [one('coffre_commits_held_seconds', succeeded.heldMs / 1000)]),
          ...succeeded.phases.map((phase) =>
            one('coffre_run_duration_seconds', phase.durationMs / 1000, { phase: phase.name }),
          ),
          ...succeeded.databases.flatMap(({ name: database, plainBytes, sealedBytes }) => [
            one('coffre_plain_bytes', plainBytes, { database }),
            one('coffre_sealed_bytes', sealedBytes, { database }),
          ]),
          ...succeeded.copies.map(({ place, complete }) => one('coffre_copy_complete', complete ? 1 : 0, { place })),
        ]
      : []),
    ...(now.deadline ? [one('coffre_next_run_deadline_timestamp_seconds', secondsOf(now.deadline))] : []),
    ...byPlace('coffre_owed', now.owed),
    ...byPlace('coffre_free_bytes', now.freeBytes),
    ...(kept ?? []).map(({ place, runs }) => one('coffre_runs_kept', runs, { place })),
    ...(looked
      ? [
          one('coffre_last_verify_timestamp_seconds', secondsOf(looked.finishedAt)),
          ...(['whole', 'bad', 'unread'] as const).map((verdict) =>
            one('coffre_verified_copies', looked[verdict], { verdict }),
          ),
        ]
      : []),
  ]);
}

/** What a machine that drills writes of its drills. */
export function drillMetrics({ drills }: DrillerMemory): readonly Metric[] {
  return metricsOf(
    Object.entries(drills).flatMap(([host, { latest, proven }]) => {
      const labels = { host, source: 'host' };
      const one = (name: MetricName, value: number): NamedSample => ({ name, labels, value });
      return [
        one('coffre_last_drill_timestamp_seconds', secondsOf(latest.finishedAt)),
        one('coffre_last_drill_success', latest.outcome === 'succeeded' ? 1 : 0),
        ...(proven
          ? [
              one('coffre_last_drill_success_timestamp_seconds', secondsOf(proven.finishedAt)),
              one('coffre_drill_recovery_seconds', proven.recoveryMs / 1000),
            ]
          : []),
      ];
    }),
  );
}
