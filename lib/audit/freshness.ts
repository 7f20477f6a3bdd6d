import type { HostName, OffsiteName } from '../model/names.ts';
import { type RunId, startOfRun } from '../model/run-id.ts';
import { previousFire } from '../model/schedule.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { PublishedLink } from './published.ts';
import type { AuditRepository } from './read-repository.ts';

/** How a host stands, by its signed manifests alone. */
export interface HostState {
  readonly host: HostName;
  readonly state: 'fresh' | 'stale' | 'missing' | 'retired';
  readonly latest: PublishedLink | null;
  readonly latestSucceeded: PublishedLink | null;
  /** Start of the run that has to be there by now: the last one whose hours of grace are over. null when retired. */
  readonly dueAt: Date | null;
}

type Plan = Expectation['hosts'] extends ReadonlyMap<HostName, infer T> ? T : never;

/** A host's clock may be behind by this much, and cron starts a run within the minute. */
const EARLY_MS = 5 * 60_000;
/** Older runs may have left the store by retention; what they still owe cannot be delivered any more. */
const OWED_DAYS = 14;

/**
 * A host is fresh when a run that succeeded started no earlier than the last scheduled time whose `graceHours` are
 * over. A later run that failed is a warning as long as that holds. A copy that an offsite still lacks is a warning
 * for one more scheduled run, and an error from then on.
 */
export function judgeFreshness(
  { links }: Pick<AuditRepository, 'links'>,
  { hosts, retired, now }: Expectation,
): { hosts: HostState[]; findings: AuditFinding[] } {
  const states: HostState[] = [];
  const findings: AuditFinding[] = [];
  for (const host of [...new Set([...hosts.keys(), ...retired])].sort()) {
    // What is dated ahead by a clock that was wrong would look fresh until that day.
    const isPast = ({ finishedAt }: PublishedLink) => Date.parse(finishedAt) <= now.getTime() + EARLY_MS;
    const own = links
      .filter((link) => link.host === host && link.trusted && isPast(link))
      .sort((a, b) => a.sequence - b.sequence);
    const plan = hosts.get(host);
    const state = stateOf(host, own, plan, now);
    states.push(state);
    if (!plan) continue;
    const untrusted = links.filter((link) => link.host === host && !link.trusted).length;
    findings.push(
      ...stalenessOf(state, untrusted),
      ...owedToStore(state, own, now),
      ...plan.offsite.flatMap(({ name }) => owedTo(name, state, own, plan, now)),
    );
  }
  return { hosts: states, findings };
}

function stateOf(host: HostName, own: readonly PublishedLink[], plan: Plan | undefined, now: Date): HostState {
  const latest = own.at(-1) ?? null;
  const succeeded = own.filter(({ outcome }) => outcome === 'succeeded');
  const latestSucceeded = succeeded.reduce<PublishedLink | null>((a, b) => (a && a.run > b.run ? a : b), null);
  if (!plan) return { host, state: 'retired', latest, latestSucceeded, dueAt: null };
  const dueAt = previousFire(plan.schedule, plan.timezone, new Date(now.getTime() - plan.graceHours * 3_600_000));
  const fresh = latestSucceeded !== null && coversRun(latestSucceeded.run, dueAt);
  return { host, state: latest === null ? 'missing' : fresh ? 'fresh' : 'stale', latest, latestSucceeded, dueAt };
}

function coversRun(run: RunId, dueAt: Date): boolean {
  return startOfRun(run).getTime() >= dueAt.getTime() - EARLY_MS;
}

function stalenessOf({ host, state, latest, latestSucceeded, dueAt }: HostState, untrusted: number): AuditFinding[] {
  const found = (severity: 'error' | 'warning', message: string): AuditFinding[] => [
    {
      rule: 'freshness',
      severity,
      host,
      path: latest?.path ?? null,
      message,
      hint: `look at: npx zx tasks/list.ts ${host} --from audit`,
    },
  ];
  switch (state) {
    case 'retired':
      return [];
    case 'missing':
      return found(
        'error',
        untrusted === 0
          ? 'no run of this host has ever been published'
          : `none of its runs can be trusted: no key that may sign for it has signed any of the ${untrusted} that are there`,
      );
    case 'stale': {
      const last = latestSucceeded
        ? `the last one that succeeded is ${latestSucceeded.run}`
        : 'none has ever succeeded';
      return found('error', `a run was due at ${dueAt?.toISOString()}, and ${last}`);
    }
    case 'fresh':
      return latest && latest.outcome === 'failed' ? found('warning', `its last run, ${latest.run}, has failed`) : [];
  }
}

/** A run whose store was not to be had has its archives on the host itself: a warning, and an error once it is two nights old. */
function owedToStore(
  { host, latestSucceeded, dueAt }: HostState,
  own: readonly PublishedLink[],
  now: Date,
): AuditFinding[] {
  const horizon = now.getTime() - OWED_DAYS * 86_400_000;
  const come = new Set(
    own.flatMap(({ deliveries }) => deliveries.flatMap((each) => (each.kind === 'store' ? each.run : []))),
  );
  const owing = own.filter(
    ({ outcome, run, copies }) =>
      outcome === 'succeeded' &&
      copies.some(({ kind, state }) => kind === 'store' && state === 'owed') &&
      !come.has(run) &&
      startOfRun(run).getTime() >= horizon,
  );
  if (owing.length === 0) return [];
  const isOld = owing.some(({ run }) => run !== latestSucceeded?.run && dueAt !== null && !coversRun(run, dueAt));
  return [
    {
      rule: 'owed-copy',
      severity: isOld ? 'error' : 'warning',
      host,
      path: latestSucceeded?.path ?? null,
      message: `${owing.length} of its runs of the last ${OWED_DAYS} days are not in the store, which was not to be had; the newest is ${owing
        .map(({ run }) => run)
        .sort()
        .at(-1)}`,
      hint: 'look at the volume on the host; the next run that finds it takes them there',
    },
  ];
}

function owedTo(
  offsite: OffsiteName,
  { host, latestSucceeded, dueAt }: HostState,
  own: readonly PublishedLink[],
  plan: Plan,
  now: Date,
): AuditFinding[] {
  if (!latestSucceeded || !dueAt) return [];
  const delivered = new Set(
    own.flatMap((link) => [
      ...link.copies.filter((copy) => copy.offsite === offsite && copy.state === 'complete').map(() => link.run),
      ...link.deliveries.filter((delivery) => delivery.offsite === offsite).map(({ run }) => run),
    ]),
  );
  const horizon = now.getTime() - OWED_DAYS * 86_400_000;
  const owing = own.filter(
    ({ outcome, run }) => outcome === 'succeeded' && !delivered.has(run) && startOfRun(run).getTime() >= horizon,
  );
  if (owing.length === 0 && delivered.has(latestSucceeded.run)) return [];
  const newest = [...delivered].sort().at(-1);
  const dueBefore = previousFire(plan.schedule, plan.timezone, new Date(dueAt.getTime() - 1));
  const current = newest !== undefined && coversRun(newest as RunId, dueBefore);
  const last = newest === undefined ? 'it has none' : `the newest there is ${newest}`;
  return [
    {
      rule: 'owed-copy',
      severity: current ? 'warning' : 'error',
      host,
      path: latestSucceeded.path,
      message: `${owing.length} of its runs of the last ${OWED_DAYS} days are not on the offsite ${offsite}; ${last}`,
      hint: `look at: npx zx tasks/list.ts ${host} --from audit; the next run tries again`,
    },
  ];
}
