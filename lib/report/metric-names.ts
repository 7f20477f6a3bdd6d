import type { Metric, Sample } from './prometheus.ts';

/*
 * Every metric that coffre writes: its name, which is kept, and what it says. `source` is `host` in what a host writes of itself,
 * and `record` in what the audit repository says.
 */
const METRICS = {
  coffre_build_info: ['version'],
  coffre_last_run_timestamp_seconds: ['host', 'source'],
  coffre_last_run_outcome: ['host', 'source', 'outcome'],
  coffre_last_run_duration_seconds: ['host', 'source'],
  coffre_last_success_timestamp_seconds: ['host', 'source'],
  coffre_next_run_deadline_timestamp_seconds: ['host', 'source'],
  coffre_run_duration_seconds: ['host', 'source', 'phase'],
  coffre_commits_held_seconds: ['host', 'source'],
  coffre_run_plain_bytes: ['host', 'source'],
  coffre_run_sealed_bytes: ['host', 'source'],
  coffre_plain_bytes: ['host', 'source', 'database'],
  coffre_sealed_bytes: ['host', 'source', 'database'],
  coffre_copy_complete: ['host', 'source', 'place'],
  coffre_owed: ['host', 'source', 'place'],
  coffre_runs_kept: ['host', 'source', 'place'],
  coffre_free_bytes: ['host', 'source', 'place'],
  coffre_last_verify_timestamp_seconds: ['host', 'source'],
  coffre_verified_copies: ['host', 'source', 'verdict'],
  coffre_last_drill_timestamp_seconds: ['host', 'source'],
  coffre_last_drill_success: ['host', 'source'],
  coffre_last_drill_success_timestamp_seconds: ['host', 'source'],
  coffre_drill_recovery_seconds: ['host', 'source'],
  coffre_drill_max_age_seconds: ['host', 'source'],
  coffre_recoverable: ['host', 'source'],
  coffre_findings: ['host', 'source', 'severity'],
} as const;

export type MetricName = keyof typeof METRICS;

const HELP: Readonly<Record<MetricName, string>> = {
  coffre_build_info: 'The version of coffre that wrote this; always 1.',
  coffre_last_run_timestamp_seconds: 'When the last run ended, whatever became of it.',
  coffre_last_run_outcome: 'What became of the last run: 1 for success, owed, failure or skipped, 0 for the others.',
  coffre_last_run_duration_seconds: 'How long the last run took, with all that came after it.',
  coffre_last_success_timestamp_seconds: 'When the last good run began: as of then everything can be restored.',
  coffre_next_run_deadline_timestamp_seconds:
    'By when the next good run has to have begun, by the schedule and its hours of grace.',
  coffre_run_duration_seconds: 'How long each phase of the last good run took.',
  coffre_commits_held_seconds: 'How long the last good run held back commits while its dumps began.',
  coffre_run_plain_bytes: 'The SQL of the last good run.',
  coffre_run_sealed_bytes: 'What the sealed files of the last good run take.',
  coffre_plain_bytes: 'The SQL of one database in the last good run.',
  coffre_sealed_bytes: 'What the sealed archive of one database takes in the last good run.',
  coffre_copy_complete: 'Whether the last good run has a complete copy at this place.',
  coffre_owed: 'How many copies a place still lacks; for the place audit, how many records are not published.',
  coffre_runs_kept: 'How many runs were left at this place when it was last pruned.',
  coffre_free_bytes: 'What was free at this place when this was written.',
  coffre_last_verify_timestamp_seconds: 'When copies were last read and compared with their manifests.',
  coffre_verified_copies: 'What the last look at copies has found: how many whole, bad or unread.',
  coffre_last_drill_timestamp_seconds: 'When the last drill ended, whatever became of it.',
  coffre_last_drill_success: 'Whether the last drill restored all of it.',
  coffre_last_drill_success_timestamp_seconds: 'When the last drill ended that restored all of it.',
  coffre_drill_recovery_seconds: 'How long the last good drill took from nothing to a restored and compared server.',
  coffre_drill_max_age_seconds: 'How old the last good drill may be; absent where nobody asks for drills.',
  coffre_recoverable: 'Whether the records show that the host can be restored.',
  coffre_findings: 'How many findings validate has of the host.',
};

/** Every name with its labels, for whoever draws them. */
export const METRIC_LABELS: Readonly<Record<MetricName, readonly string[]>> = METRICS;

export interface NamedSample extends Sample {
  readonly name: MetricName;
}

/** Samples by their names, in the order of the table. */
export function metricsOf(samples: readonly NamedSample[]): readonly Metric[] {
  return (Object.keys(METRICS) as MetricName[]).map((name) => ({
    ...{ name, help: HELP[name] },
    samples: samples.filter((each) => each.name === name).map(({ labels, value }) => ({ labels, value })),
  }));
}

/** Seconds since 1970, as Prometheus has its times. */
export function secondsOf(instant: string | number | Date): number {
  return new Date(instant).getTime() / 1000;
}
