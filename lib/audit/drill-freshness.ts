import type { HostName } from '../model/names.ts';
import { startOfRun } from '../model/run-id.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository, PublishedDrill } from './read-repository.ts';

/** How the drills of a host stand, by their signed records alone. */
export interface DrillState {
  readonly host: HostName;
  /** `undemanded`: nobody asks for drills of this host, and there are some. */
  readonly state: 'fresh' | 'stale' | 'missing' | 'undemanded';
  readonly latest: PublishedDrill | null;
  /** The last one that proves something: see `judgeDrills`. */
  readonly latestProof: PublishedDrill | null;
}

const DAY_MS = 86_400_000;
/** What a drill says of the copy, whereas any other failure is one of the driller, or of the way between the two. */
const VERDICTS: readonly string[] = ['verification-failed', 'drill-failed'];

/**
 * A host that demands drills has to have one that succeeded and finished no longer than `maxAgeDays` ago, by a driller
 * that the inventory sends to it, of a run that was no older than that itself: a copy that stands still proves nothing of
 * the backups of today.
 *
 * A newest drill, by any driller, that found the copy wrong is an error at once; one that failed for another reason is a
 * warning, as long as there is a proof.
 */
export function judgeDrills(
  { drills }: Pick<AuditRepository, 'drills'>,
  { hosts, drillers, now }: Expectation,
): { drilled: DrillState[]; findings: AuditFinding[] } {
  const drilled: DrillState[] = [];
  const findings: AuditFinding[] = [];
  for (const [host, { drill: demand }] of [...hosts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sent = (driller: HostName) => drillers.get(driller)?.hosts.includes(host) ?? false;
    const own = drills.filter((each) => each.host === host && each.trusted && sent(each.driller));
    const latest = newest(own);
    if (!demand && !latest) continue;
    const maxAgeMs = (demand?.maxAgeDays ?? Number.POSITIVE_INFINITY) * DAY_MS;
    const latestProof = newest(own.filter((each) => isProof(each, maxAgeMs)));
    const isFresh = latestProof !== null && now.getTime() - Date.parse(latestProof.finishedAt) <= maxAgeMs;
    const state = demand ? (isFresh ? 'fresh' : latest ? 'stale' : 'missing') : 'undemanded';
    const judged: DrillState = { host, state, latest, latestProof };
    drilled.push(judged);
    if (demand) findings.push(...missed(judged, demand.maxAgeDays));
    for (const driller of new Set(own.map((each) => each.driller)))
      findings.push(...failed(newest(own.filter((each) => each.driller === driller))));
  }
  return { drilled, findings };
}

function isProof({ outcome, run, startedAt }: PublishedDrill, maxAgeMs: number): boolean {
  return outcome === 'succeeded' && run !== null && Date.parse(startedAt) - startOfRun(run).getTime() <= maxAgeMs;
}

function newest(drills: readonly PublishedDrill[]): PublishedDrill | null {
  return drills.reduce<PublishedDrill | null>((a, b) => (a && a.drill > b.drill ? a : b), null);
}

function missed({ host, state, latest, latestProof }: DrillState, maxAgeDays: number): AuditFinding[] {
  if (state === 'fresh') return [];
  const asked = `a drill no older than ${maxAgeDays} days is demanded`;
  const last = latestProof
    ? `the last one that proves it is ${latestProof.drill}`
    : latest
      ? 'none of those that are published proves that a run of then could be restored'
      : 'no drill of this host has ever been published';
  return [
    {
      rule: 'drill',
      severity: 'error',
      host,
      path: latestProof?.path ?? latest?.path ?? null,
      message: `${asked}, and ${last}`,
      hint: 'run one on a driller: npx zx tasks/drill.ts; its cron entry: npx zx tasks/provision.ts --all --check',
    },
  ];
}

function failed(drill: PublishedDrill | null): AuditFinding[] {
  if (drill?.outcome !== 'failed' || !drill.error) return [];
  const { host, path, driller, source, run, error } = drill;
  const place = source.offsite === null ? source.kind : `the offsite ${source.offsite}`;
  const what = `${run ?? 'the newest run'} from ${place}`;
  if (VERDICTS.includes(error.code)) {
    return [
      {
        rule: 'drill',
        severity: 'error',
        host,
        path,
        message: `the last drill of ${driller} shows that ${what} cannot be restored (${error.code})`,
        hint: `look at what it found, on ${driller}: npx zx tasks/drill.ts; and at the other copies of the run`,
      },
    ];
  }
  return [
    {
      rule: 'drill',
      severity: 'warning',
      host,
      path,
      message: `the last drill of ${driller} came to no verdict on ${what} (${error.code})`,
      hint: `look at what it found, on ${driller}: npx zx tasks/drill.ts`,
    },
  ];
}
