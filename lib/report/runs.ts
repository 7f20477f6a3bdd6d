import { deliveredBy, placeOfDelivery } from '../model/delivered.ts';
import type { Manifest } from '../model/manifest.ts';
import { describeCopy } from './copies.ts';
import { formatAge, formatBytes, formatDuration } from './format.ts';
import { formatTable } from './table.ts';

type Run =
  | { readonly run: string; readonly trust: 'signed'; readonly manifest: Manifest }
  | { readonly run: string; readonly trust: 'untrusted'; readonly why: string };

/** Age, how many, sizes, durations: numbers. */
const RIGHT: ReadonlySet<number> = new Set([1, 3, 4, 5, 6]);

/** Runs for a person, a line each. What a run still owed, and a later one of these has delivered, is told as it is by now. */
export function formatRuns(runs: readonly Run[], now: Date): string {
  if (runs.length === 0) return 'no runs';
  const head = ['run', 'age', 'outcome', 'databases', 'SQL', 'sealed', 'took', 'copies'];
  const signed = runs.flatMap((run) => (run.trust === 'signed' ? [run.manifest] : []));
  const delivered = new Map(
    signed.flatMap((manifest) =>
      deliveredBy(manifest).map(
        (each) => [`${each.run} ${placeOfDelivery(each)}`, { by: manifest.run, verified: each.verified }] as const,
      ),
    ),
  );
  return formatTable(
    head,
    runs.map((run) =>
      run.trust === 'signed' ? rowOf(run.manifest, delivered, now) : [run.run, '', `NOT TRUSTED: ${run.why}`],
    ),
    RIGHT,
  );
}

type Delivered = ReadonlyMap<string, { readonly by: string; readonly verified: string }>;

function rowOf(manifest: Manifest, delivered: Delivered, now: Date): string[] {
  const { archives, dayArchive, copies, error } = manifest;
  const sum = (field: 'plainBytes' | 'sealedBytes') => archives.reduce((total, archive) => total + archive[field], 0);
  const places = copies.map(({ kind, offsite, state, verified }) => {
    const late = state === 'complete' ? undefined : delivered.get(`${manifest.run} ${offsite ?? kind}`);
    const copy = late
      ? { state: 'complete' as const, verified: late.verified, deliveredBy: late.by }
      : { state, verified, deliveredBy: null };
    return `${offsite ?? kind}: ${describeCopy(copy)}`;
  });
  return [
    manifest.run,
    formatAge(now.getTime() - Date.parse(manifest.startedAt)),
    manifest.outcome,
    String(archives.filter(({ kind }) => kind === 'database').length),
    formatBytes(sum('plainBytes')),
    formatBytes(dayArchive?.sealedBytes ?? sum('sealedBytes')),
    formatDuration(Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt)),
    [...places, ...(error ? [`${error.code} in ${error.phase}`] : [])].join(', '),
  ];
}
