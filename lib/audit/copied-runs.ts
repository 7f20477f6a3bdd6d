import { placeOfDelivery } from '../model/delivered.ts';
import type { CopiedRun } from '../model/overview.ts';
import { type CopyFate, copyKey } from './copy-looks.ts';
import type { PublishedLink } from './published.ts';

/**
 * The newest `count` runs of a host that succeeded, the newest first, each with its copies as they are by now: what a
 * run still owed, a later one may have delivered, and its record says how that was verified; what later records have found
 * of a copy, or that retention has removed it, is told by `fates`.
 */
export function copiedRuns(
  own: readonly PublishedLink[],
  count: number,
  fates: ReadonlyMap<string, CopyFate> = new Map(),
): CopiedRun[] {
  const deliveries = own.flatMap(({ run, deliveries }) =>
    deliveries.map((delivery) => [`${delivery.run} ${placeOfDelivery(delivery)}`, { by: run, ...delivery }] as const),
  );
  const delivered = new Map<string, (typeof deliveries)[number][1]>(deliveries);
  const newest = own.filter(({ outcome }) => outcome === 'succeeded').sort((a, b) => (a.run < b.run ? 1 : -1));
  return newest.slice(0, count).map(({ run, startedAt, copies }) => ({
    run,
    startedAt,
    copies: copies.map(({ kind, offsite, state, verified }) => {
      const late = state === 'complete' ? undefined : delivered.get(`${run} ${offsite ?? kind}`);
      const made = late
        ? { state: 'complete' as const, verified: late.verified, deliveredBy: late.by }
        : { state, verified, deliveredBy: null };
      const fate = fates.get(copyKey(run, kind, offsite));
      const isRemoved = fate?.isRemoved === true && made.state === 'complete';
      return {
        place: offsite ?? kind,
        ...made,
        ...(isRemoved ? { state: 'removed' as const } : {}),
        looked: fate?.look ?? null,
      };
    }),
  }));
}
