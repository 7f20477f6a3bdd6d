import { deliveredBy } from '../model/delivered.ts';
import type { HostConfig } from '../model/inventory.ts';
import type { Copy, Manifest } from '../model/manifest.ts';
import type { RunId } from '../model/run-id.ts';

/** What has been seen at a place that could be looked at. */
export interface SeenPlace {
  /** `store`, `export` or `offsite:<name>`. Of any other nobody says what should be there. */
  readonly place: string;
  readonly runs: readonly RunId[];
}

export interface MissingCopy {
  readonly place: string;
  readonly run: RunId;
}

/**
 * Copies that a trusted manifest says are complete, and that are not there. Pure. A place that keeps only so many runs, as
 * the inventory says, may have let old ones go: of those only what is newer than all that is there is missing, because
 * nothing that keeps to a retention takes the newest run away. Whoever puts back an older state of a place does.
 */
export function missingCopies(
  manifests: readonly Manifest[],
  places: readonly SeenPlace[],
  retention: HostConfig['retention'],
): readonly MissingCopy[] {
  const said = new Map<string, Set<RunId>>();
  const say = (place: string, run: RunId) => said.set(place, (said.get(place) ?? new Set()).add(run));
  for (const manifest of manifests) {
    const { run, copies } = manifest;
    for (const copy of copies) if (copy.state === 'complete') say(placeOf(copy), run);
    for (const delivered of deliveredBy(manifest)) say(placeOf(delivered), delivered.run);
  }
  return places.flatMap(({ place, runs }) => {
    const newest = [...runs].sort().at(-1) ?? '';
    const missing = [...(said.get(place) ?? [])].filter((run) => !runs.includes(run)).sort();
    const keepsAll = retention?.[kindOf(place)] === undefined;
    return missing.filter((run) => keepsAll || run > newest).map((run) => ({ place, run }));
  });
}

function placeOf({ kind, offsite }: Pick<Copy, 'kind' | 'offsite'>): string {
  return kind === 'offsite' ? `offsite:${offsite}` : kind;
}

function kindOf(place: string): Copy['kind'] {
  return place === 'store' || place === 'export' ? place : 'offsite';
}
