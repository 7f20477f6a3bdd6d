import type { HostName } from '../model/names.ts';
import { type RunId, startOfRun } from '../model/run-id.ts';
import { isAt, nameOf, standingsAt } from './copies-rule.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { PublishedDrill } from './published.ts';
import type { AuditRepository } from './read-repository.ts';

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
 * A newest drill that took an older run than the records say was there is an error: somebody has lost the newer one, or keeps it
 * back. A newest drill, by any driller, that found the copy wrong is an error at once; one that failed for another reason is a
 * warning, as long as there is a proof.
 */
export function judgeDrills(
  { drills, links, placeEvents }: Pick<AuditRepository, 'drills' | 'links' | 'placeEvents'>,
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
    for (const driller of new Set(own.map((each) => each.driller))) {
      const last = newest(own.filter((each) => each.driller === driller));
      findings.push(...failed(last), ...passedOver(last, links, placeEvents));
    }
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

/** A drill takes the newest run that it finds; a newer one may have come while it was looking for it. */
const LOOKING_MS = 60_000;

/**
 * The newest of the runs in `links` that a drill should have found, and has not: it is newer than the one that was drilled, was
 * complete at that place before, and no record says that it was removed, or found damaged, since. null where there is none.
 */
export function newestPassedOver(
  { host, run, source, startedAt }: Pick<PublishedDrill, 'host' | 'source' | 'startedAt'> & { readonly run: RunId },
  links: AuditRepository['links'],
  placeEvents: AuditRepository['placeEvents'],
): RunId | null {
  const before = Date.parse(startedAt) - LOOKING_MS;
  const newer = links
    .filter((link) => link.host === host && link.trusted && link.outcome === 'succeeded' && link.run > run)
    .filter(({ finishedAt }) => Date.parse(finishedAt) < before)
    .filter(({ copies }) => copies.some((copy) => isAt(copy, source) && copy.state === 'complete'))
    .sort((a, b) => (a.run < b.run ? -1 : 1));
  const standings = standingsAt(host, source, newer, placeEvents);
  return newer.findLast((link) => standings.get(link.run) === 'good')?.run ?? null;
}

function passedOver(
  drill: PublishedDrill | null,
  links: AuditRepository['links'],
  placeEvents: AuditRepository['placeEvents'],
): AuditFinding[] {
  if (!drill || drill.run === null) return [];
  const { host, path, driller, run, source } = drill;
  const lost = newestPassedOver({ ...drill, run }, links, placeEvents);
  if (lost === null) return [];
  const message = `the last drill of ${driller} found no newer run in ${nameOf(source)} than ${run}, and by its record ${lost} was there, complete`;
  const hint = `find out who has lost it, or keeps it back: npx zx tasks/verify.ts ${host} --run ${lost}`;
  return [{ rule: 'drill', severity: 'error', host, path, message, hint }];
}
