import type { HostConfig } from '../model/inventory.ts';
import type { ChainStatus, HostOverview, OverviewDrill, OverviewFinding } from '../model/overview.ts';
import { copiedRuns } from './copied-runs.ts';
import { fatesOf } from './copy-looks.ts';
import type { DrillState } from './drill-freshness.ts';
import type { AuditFinding } from './finding.ts';
import type { HostState } from './freshness.ts';
import { NIGHTS, nightsOf } from './nights.ts';
import { overviewRun } from './overview-run.ts';
import { placeOf } from './paths.ts';
import { newestProvision } from './provision-rule.ts';
import type { PublishedDrill, PublishedLink, PublishedRecord } from './published.ts';
import { earlierOddities } from './size-rule.ts';

interface HostFacts {
  readonly state: HostState;
  readonly drill: DrillState | null;
  /** What the inventory says of it; null for a host that has been retired. */
  readonly plan: Pick<HostConfig, 'schedule' | 'timezone' | 'graceHours' | 'drill'> | null;
  readonly fires: readonly Date[];
  /** All manifests of the host, trusted or not. */
  readonly links: readonly PublishedLink[];
  /** What else the host has put on record, trusted or not. */
  readonly others: readonly PublishedRecord[];
  readonly findings: readonly OverviewFinding[];
  readonly now: Date;
}

const DAY_MS = 86_400_000;
/** Runs whose copies are shown one by one. */
const COPIED_RUNS = 7;
/** Older runs may have left the store by retention; what they still owe cannot be delivered any more. */
const OWED_MS = 14 * DAY_MS;

/**
 * Rules that say whether backups go on, and are good ones. A finding of any other rule is one against the record itself,
 * and so is that of a rule which is not known here.
 */
const OF_BACKUPS: ReadonlySet<string> = new Set([
  'freshness',
  'gap',
  'drill',
  'owed-copy',
  'copies',
  'size',
  'duration',
  'retention',
  'recoverable',
  'looked-at',
  'verified-copies',
]);

/** All that the page and `status` tell of one host. */
export function hostOverview({ state, drill, plan, fires, links, others, findings, now }: HostFacts): HostOverview {
  const own = links.filter(({ trusted }) => trusted).sort((a, b) => a.sequence - b.sequence);
  const copied = copiedRuns(own, own.length, fatesOf(others));
  const { latest, latestSucceeded } = state;
  return {
    host: state.host,
    state: state.state,
    schedule: plan && { cron: plan.schedule, timezone: plan.timezone },
    nights: plan ? nightsOf({ own, plan, fires, findings: foundAt(own, findings, now), now }) : [],
    latest: latest && { run: latest.run, outcome: latest.outcome },
    latestSucceeded: latestSucceeded && overviewRun(latestSucceeded),
    copied: copied.slice(0, COPIED_RUNS),
    owed: owedIn(copied.filter(({ startedAt }) => Date.parse(startedAt) >= now.getTime() - OWED_MS)),
    drill: drill && {
      state: drill.state,
      maxAgeDays: plan?.drill?.maxAgeDays ?? null,
      latest: drill.latest && overviewDrill(drill.latest),
      latestProof: drill.latestProof && overviewDrill(drill.latestProof),
    },
    provisioned: provisionedBy(others),
    chain: chainOf(own, findings),
    findings,
  };
}

/** What the rules have found of each record, by its path; of a run that is not the newest also how odd it was in its night. */
function foundAt(own: readonly PublishedLink[], findings: readonly OverviewFinding[], now: Date) {
  const earlier = earlierOddities(own, new Date(now.getTime() - (NIGHTS + 2) * DAY_MS));
  const found = new Map<string, OverviewFinding[]>();
  for (const finding of [...findings, ...earlier.map(({ host: _, ...finding }) => finding)])
    if (finding.path !== null) found.set(finding.path, [...(found.get(finding.path) ?? []), finding]);
  return found;
}

/** The host that a finding is about: rules that look at the history alone name no host, and their path does. */
export function hostOfFinding({ host, path }: Pick<AuditFinding, 'host' | 'path'>): AuditFinding['host'] {
  if (host !== null || path === null) return host;
  const place = placeOf(path);
  return typeof place === 'object' ? place.host : null;
}

function chainOf(own: readonly PublishedLink[], findings: readonly OverviewFinding[]): ChainStatus {
  const against = findings.filter(({ severity, rule }) => severity === 'error' && !OF_BACKUPS.has(rule));
  if (against.length > 0) return { kind: 'broken', findings: against };
  const head = own.at(-1);
  return head ? { kind: 'whole', length: head.sequence, head: head.sha256 } : { kind: 'empty' };
}

function provisionedBy(others: readonly PublishedRecord[]): HostOverview['provisioned'] {
  const newest = newestProvision(others);
  if (!newest) return null;
  const { finishedAt, outcome, error } = newest.record;
  return { finishedAt, outcome, errorCode: error?.code ?? null };
}

function owedIn(copied: HostOverview['copied']): HostOverview['owed'] {
  const lacking = copied.flatMap(({ copies }) => copies.filter(({ state }) => state === 'owed'));
  const places = [...new Set(lacking.map(({ place }) => place))].sort();
  return places.map((place) => ({ place, runs: lacking.filter((copy) => copy.place === place).length }));
}

function overviewDrill({ source, error, proof, ...drill }: PublishedDrill): OverviewDrill {
  return {
    drill: drill.drill,
    driller: drill.driller,
    run: drill.run,
    outcome: drill.outcome,
    finishedAt: drill.finishedAt,
    place: source.offsite ?? source.kind,
    proof: proof && { databases: proof.databases, tables: proof.tables, recoveryMs: proof.recoveryMs },
    errorCode: error?.code ?? null,
  };
}
