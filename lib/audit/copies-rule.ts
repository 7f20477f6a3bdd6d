import type { HostConfig, Keep } from '../model/inventory.ts';
import type { Copy } from '../model/manifest.ts';
import type { HostName } from '../model/names.ts';
import { keptRuns } from '../model/retention.ts';
import type { RunId } from '../model/run-id.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { PlaceEvent } from './place-event.ts';
import type { PublishedLink } from './published.ts';
import type { AuditRepository } from './read-repository.ts';

export type CopyPlace = Pick<Copy, 'kind' | 'offsite'>;
/** Where a run is at a place, by the records alone. */
export type Standing = 'good' | 'owed' | 'absent' | 'removed' | 'bad';

/**
 * Each place of a host has at least as many good runs as its retention keeps of those that succeeded since the place was first
 * written to: so a young host, a young place and nights without a backup are not held against it. A run is good where a
 * manifest says that its copy is complete, or a later one that it was delivered, and no later record that it was removed, or
 * found damaged or missing.
 *
 * Fewer is an error; where only removals make the difference it is a warning: the retention may have been raised since, and
 * then every night brings one more. A copy that is owed is for `judgeFreshness` to tell.
 */
export function copiesRule({ links, placeEvents }: AuditRepository, { hosts }: Expectation): AuditFinding[] {
  return [...hosts].flatMap(([host, plan]) => {
    const { retention, offsite } = plan;
    if (!retention) return [];
    const places: readonly (CopyPlace & { readonly keep: Keep | undefined })[] = [
      { kind: 'store', offsite: null, keep: retention.store },
      { kind: 'export', offsite: null, keep: retention.export },
      ...offsite.map(({ name }) => ({ kind: 'offsite' as const, offsite: name, keep: retention.offsite })),
    ];
    const own = links.filter((link) => link.host === host && link.trusted).sort((a, b) => (a.run < b.run ? -1 : 1));
    return places.flatMap(({ keep, ...place }) =>
      keep ? judgePlace({ host, plan, place, keep }, own, placeEvents) : [],
    );
  });
}

interface Judged {
  readonly host: HostName;
  readonly plan: Pick<HostConfig, 'schedule' | 'timezone'>;
  readonly place: CopyPlace;
  readonly keep: Keep;
}

function judgePlace(
  { host, plan, place, keep }: Judged,
  own: readonly PublishedLink[],
  events: readonly PlaceEvent[],
): AuditFinding[] {
  const first = own.findIndex(({ copies }) => copies.some((copy) => isAt(copy, place)));
  const runs = first < 0 ? [] : own.slice(first).filter(({ outcome }) => outcome === 'succeeded');
  const standings = standingsAt(host, place, runs, events);
  const wanted = keptRuns(
    runs.map(({ run }) => run),
    keep,
    plan,
  );
  const good = [...standings.values()].filter(isThere).length;
  if (good >= wanted.length) return [];
  const lost = wanted.filter((run) => !isThere(standings.get(run)));
  const severity = lost.every((run) => standings.get(run) === 'removed') ? 'warning' : 'error';
  const named = lost
    .slice(-3)
    .reverse()
    .map((run) => `${run} (${TOLD[standings.get(run) ?? 'absent']})`);
  const where = nameOf(place);
  const asked = Object.entries(keep)
    .map(([period, count]) => `${count} ${period}`)
    .join(', ');
  return [
    {
      rule: 'copies',
      severity,
      host,
      path: null,
      message: `${where} has ${good} good runs, and its retention (${asked}) keeps ${wanted.length} of the ${runs.length} there were; not there: ${named.join(', ')}${lost.length > 3 ? `, and ${lost.length - 3} more` : ''}`,
      hint: `look at what is there: npx zx tasks/verify.ts ${host}`,
    },
  ];
}

export function nameOf({ kind, offsite }: CopyPlace): string {
  return offsite === null ? `the ${kind}` : `the offsite ${offsite}`;
}

function isThere(standing: Standing | undefined): boolean {
  return standing === 'good' || standing === 'owed';
}

export const TOLD: Readonly<Record<Standing, string>> = {
  good: 'there',
  owed: 'owed',
  absent: 'never delivered',
  removed: 'removed',
  bad: 'found damaged or missing',
};

/** How each of `runs`, the oldest first, stands at a place by now. */
export function standingsAt(
  host: HostName,
  place: CopyPlace,
  runs: readonly PublishedLink[],
  events: readonly PlaceEvent[],
): ReadonlyMap<RunId, Standing> {
  const standings = new Map<RunId, Standing>();
  for (const { run, copies } of runs) {
    const copy = copies.find((each) => isAt(each, place));
    standings.set(run, copy?.state === 'complete' ? 'good' : copy?.state === 'owed' ? 'owed' : 'absent');
  }
  const set = (run: RunId, standing: Standing) => standings.has(run) && standings.set(run, standing);
  for (const { deliveries } of runs)
    for (const delivery of deliveries) if (isAt(delivery, place)) set(delivery.run, 'good');
  const later = events.filter((event) => event.host === host && isAt(event, place));
  for (const { what, runs: told } of later.sort((a, b) => (a.at < b.at ? -1 : 1)))
    for (const run of told) set(run, what);
  return standings;
}

export function isAt(copy: CopyPlace, { kind, offsite }: CopyPlace): boolean {
  return copy.kind === kind && copy.offsite === offsite;
}
