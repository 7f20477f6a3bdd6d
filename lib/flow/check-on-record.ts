import { gitAddressOf } from '../model/audit-config.ts';
import type { Condition } from '../model/host-check.ts';
import type { HostConfig, Inventory } from '../model/inventory.ts';
import type { HostOverview } from '../model/overview.ts';
import { formatAge, formatDuration } from '../report/format.ts';
import { troublesOf } from '../report/verdict.ts';
import type { Clock } from '../system/clock.ts';
import { auditOverview } from './audit-overview.ts';
import { auditSource, sourceOf } from './audit-source.ts';
import { type Probe, type Seen, tryConditions } from './try-conditions.ts';

interface Records {
  readonly inventory: Inventory;
  /** Instead of the one that the inventory names. */
  readonly repository: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly limitMs: number;
}

/** Of many hosts all signatures are checked: it takes a while. */
const READING_MS = 300_000;

/** Asks the audit repositories of hosts, each read once, for what they have of a host. */
export function onRecord(order: Records): (host: HostConfig) => Promise<readonly Condition[]> {
  const { inventory, repository, clock, signal, limitMs } = order;
  const read = new Map<string, Promise<readonly HostOverview[]>>();
  const overviews = (host: HostConfig) => {
    const address = repository ?? gitAddressOf(host.audit);
    const known = read.get(address) ?? overviewsAt(address, host);
    read.set(address, known);
    return known;
  };
  const overviewsAt = async (address: string, host: HostConfig) => {
    const source = repository === undefined ? await sourceOf(host) : await auditSource(inventory, repository);
    const hosts = [...inventory.hosts].filter(
      ([, { audit }]) => repository !== undefined || gitAddressOf(audit) === address,
    );
    return (await auditOverview({ inventory: { ...inventory, hosts: new Map(hosts) }, source, clock })).hosts;
  };
  return async (host) => {
    const of = async () => (await overviews(host)).find((each) => each.host === host.name);
    const now = () => clock.now().getTime();
    const probes: readonly Probe[] = [
      {
        check: 'record',
        says: 'a good run is on record, and no older than the schedule asks for',
        late: 'audit-unreachable',
        look: async () => recordOf(await of(), now()),
      },
      {
        check: 'drill',
        says: 'a drill has proven of late that it can be restored',
        late: 'audit-unreachable',
        look: async () => drillOf(await of(), now()),
      },
      {
        check: 'findings',
        says: 'validate finds nothing else',
        severity: 'warning',
        late: 'audit-unreachable',
        look: async () => findingsOf(await of()),
      },
    ];
    return await tryConditions(probes, { limitMs: Math.max(limitMs, READING_MS), signal });
  };
}

function recordOf(host: HostOverview | undefined, now: number): Seen {
  const hint = `look at: npx zx tasks/list.ts ${host?.host ?? ''} --from audit`;
  const last = host?.latestSucceeded;
  if (!host || !last) {
    return { fault: { text: 'no good run of it has ever been published', hint, code: 'verification-failed' } };
  }
  const ageMs = now - Date.parse(last.startedAt);
  const detail = `${last.run}, ${formatAge(ageMs)} ago`;
  const figures = [
    { name: 'record_age', value: Math.round(ageMs / 1000), unit: 's' as const },
    { name: 'duration', value: Math.round(last.durationMs / 1000), unit: 's' as const },
    { name: 'size', value: last.sealedBytes, unit: 'B' as const },
  ];
  if (host.state === 'fresh') return { detail, figures };
  return { figures, fault: { text: `the last one is ${detail}`, hint, code: 'verification-failed' } };
}

function drillOf(host: HostOverview | undefined, now: number): Seen {
  const { drill } = host ?? {};
  const proof = drill?.latestProof;
  const ageMs = proof ? now - Date.parse(proof.finishedAt) : 0;
  const figures = proof ? [{ name: 'drill_age', value: Math.round(ageMs / 1000), unit: 's' as const }] : [];
  const recovery = proof?.proof ? `, restored in ${formatDuration(proof.proof.recoveryMs)}` : '';
  const last = proof ? `${proof.drill}, ${formatAge(ageMs)} ago${recovery}` : 'there has been none';
  if (!drill || drill.state === 'undemanded') return { detail: `nobody asks for drills of it; ${last}`, figures };
  if (drill.state === 'fresh') return { detail: last, figures };
  const text = proof ? `the last one that proves it is ${last}` : 'none has ever proven it';
  const hint = 'run one on a driller: npx zx tasks/drill.ts; its cron entry: npx zx tasks/provision.ts --all --check';
  return { figures, fault: { text, hint, code: 'drill-failed' } };
}

/** What the two others do not tell. */
function findingsOf(host: HostOverview | undefined): Seen {
  if (!host) return { fault: { text: 'it has no record', hint: 'npx zx tasks/validate.ts' } };
  const told = new Set(['freshness', ...(host.drill?.state === 'fresh' ? [] : ['drill'])]);
  const findings = host.findings.filter(({ rule, severity }) => severity === 'warning' || !told.has(rule));
  const troubles = troublesOf({ ...host, findings });
  if (troubles.length === 0) return { detail: 'the records are as they should be' };
  const isBad = troubles.some(({ severity }) => severity === 'error');
  const weight = isBad ? { severity: 'critical' as const, code: 'verification-failed' as const } : {};
  const text = troubles.map((trouble) => trouble.text).join('; ');
  return { fault: { text, hint: 'each finding, and what to do: npx zx tasks/validate.ts', ...weight } };
}
