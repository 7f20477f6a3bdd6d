import type { AuditOverview, HostOverview } from '../model/overview.ts';
import { COFFRE_VERSION } from '../model/version.ts';
import { type MetricName, metricsOf, type NamedSample, secondsOf } from './metric-names.ts';
import type { Metric } from './prometheus.ts';
import { standingOf } from './verdict.ts';

const OUTCOMES = { succeeded: 'success', failed: 'failure', skipped: 'skipped' } as const;
const DAY_SECONDS = 86_400;

/** What the audit repository says of all hosts, for a monitoring of its own: by signed records alone. */
export function recordMetrics(
  { hosts }: Pick<AuditOverview, 'hosts'>,
  deadlineOf: (host: HostOverview) => Date | null,
): readonly Metric[] {
  const build: NamedSample = { name: 'coffre_build_info', labels: { version: COFFRE_VERSION }, value: 1 };
  return metricsOf([build, ...hosts.flatMap((host) => samplesOf(host, deadlineOf(host)))]);
}

function samplesOf(host: HostOverview, deadline: Date | null): readonly NamedSample[] {
  const { latest, latestSucceeded: last, drill, findings } = host;
  const one = (name: MetricName, value: number, labels: Readonly<Record<string, string>> = {}): NamedSample => ({
    ...{ name, value, labels: { host: host.host, source: 'record', ...labels } },
  });
  const [newest] = host.copied;
  const proof = drill?.latestProof;
  return [
    one('coffre_recoverable', standingOf(host) === 'bad' ? 0 : 1),
    ...(['error', 'warning'] as const).map((severity) =>
      one('coffre_findings', findings.filter((finding) => finding.severity === severity).length, { severity }),
    ),
    ...(latest
      ? Object.entries(OUTCOMES).map(([outcome, told]) =>
          one('coffre_last_run_outcome', latest.outcome === outcome ? 1 : 0, { outcome: told }),
        )
      : []),
    ...(last
      ? [
          one('coffre_last_success_timestamp_seconds', secondsOf(last.startedAt)),
          one('coffre_last_run_duration_seconds', last.durationMs / 1000),
          one('coffre_run_plain_bytes', last.plainBytes),
          one('coffre_run_sealed_bytes', last.sealedBytes),
        ]
      : []),
    ...(deadline ? [one('coffre_next_run_deadline_timestamp_seconds', secondsOf(deadline))] : []),
    ...(newest?.copies ?? []).map(({ place, state }) =>
      one('coffre_copy_complete', state === 'complete' ? 1 : 0, { place }),
    ),
    ...(newest?.copies ?? []).map(({ place }) =>
      one('coffre_owed', host.owed.find((each) => each.place === place)?.runs ?? 0, { place }),
    ),
    ...(drill?.latest
      ? [
          one('coffre_last_drill_timestamp_seconds', secondsOf(drill.latest.finishedAt)),
          one('coffre_last_drill_success', drill.latest.outcome === 'succeeded' ? 1 : 0),
        ]
      : []),
    ...(proof ? [one('coffre_last_drill_success_timestamp_seconds', secondsOf(proof.finishedAt))] : []),
    ...(proof?.proof ? [one('coffre_drill_recovery_seconds', proof.proof.recoveryMs / 1000)] : []),
    ...(drill?.maxAgeDays ? [one('coffre_drill_max_age_seconds', drill.maxAgeDays * DAY_SECONDS)] : []),
  ];
}
