import { hostOfFinding, hostOverview } from '../audit/host-overview.ts';
import { NIGHTS } from '../audit/nights.ts';
import type { AuditOverview, HostOverview } from '../model/overview.ts';
import { firesBetween } from '../model/schedule.ts';
import { type Judgement, readAndJudge, type ValidateOptions } from './validate.ts';

const DAY_MS = 86_400_000;

/** Reads the audit repository once, and tells of every host what the page and `status` show. Throws what `validate` throws. */
export async function auditOverview(options: ValidateOptions): Promise<AuditOverview> {
  const now = options.clock.now();
  return overviewOf(await readAndJudge({ ...options, clock: { now: () => now } }), options.inventory, now);
}

/** What was read and judged, by host. Pure. */
export function overviewOf(
  { repository, validation }: Judgement,
  inventory: Pick<ValidateOptions['inventory'], 'hosts'>,
  now: Date,
): AuditOverview {
  const drills = new Map(validation.drilled.map((state) => [state.host, state]));
  const links = groupedBy(repository.links, ({ host }) => host);
  const others = groupedBy(repository.others, ({ host }) => host);
  const findings = groupedBy(validation.findings, hostOfFinding);
  const fires = firesOf(now);
  const hosts = validation.hosts.map((state): HostOverview => {
    const plan = inventory.hosts.get(state.host) ?? null;
    return hostOverview({
      state,
      plan,
      drill: drills.get(state.host) ?? null,
      fires: plan ? fires(plan.schedule, plan.timezone) : [],
      links: links.get(state.host) ?? [],
      others: others.get(state.host) ?? [],
      findings: (findings.get(state.host) ?? []).map(({ host: _, ...finding }) => finding),
      now,
    });
  });
  const shown = new Set(hosts.map(({ host }) => host));
  const stray = validation.findings
    .map((finding) => ({ ...finding, host: hostOfFinding(finding) }))
    .filter(({ host }) => host === null || !shown.has(host));
  return {
    head: validation.head,
    madeAt: now.toISOString(),
    manifests: validation.manifests,
    drills: validation.drills,
    hosts: hosts.filter(({ state }) => state !== 'retired'),
    retired: hosts.filter(({ state }) => state === 'retired'),
    findings: stray,
  };
}

/** When a schedule fires, over the nights that are shown. Hosts of one schedule share the answer, which takes a while. */
function firesOf(now: Date): (schedule: string, timezone: string) => readonly Date[] {
  const known = new Map<string, readonly Date[]>();
  const from = new Date(now.getTime() - (NIGHTS + 2) * DAY_MS);
  return (schedule, timezone) => {
    const key = `${timezone} ${schedule}`;
    const fires = known.get(key) ?? firesBetween(schedule, timezone, from, new Date(now.getTime() + 2 * DAY_MS));
    known.set(key, fires);
    return fires;
  };
}

function groupedBy<T, Key>(all: readonly T[], keyOf: (one: T) => Key): ReadonlyMap<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
}
