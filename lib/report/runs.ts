import type { Manifest } from '../model/manifest.ts';
import { formatAge, formatBytes, formatDuration } from './format.ts';
import { formatTable } from './table.ts';

type Run =
  | { readonly run: string; readonly trust: 'signed'; readonly manifest: Manifest }
  | { readonly run: string; readonly trust: 'untrusted'; readonly why: string };

/** Runs for a person, a line each. */
export function formatRuns(runs: readonly Run[], now: Date): string {
  if (runs.length === 0) return 'no runs';
  const head = ['run', 'age', 'outcome', 'databases', 'SQL', 'sealed', 'took', 'copies'];
  return formatTable(
    head,
    runs.map((run) => (run.trust === 'signed' ? rowOf(run.manifest, now) : [run.run, '', `NOT TRUSTED: ${run.why}`])),
  );
}

function rowOf(manifest: Manifest, now: Date): string[] {
  const { archives, dayArchive, copies, error } = manifest;
  const sum = (field: 'plainBytes' | 'sealedBytes') => archives.reduce((total, archive) => total + archive[field], 0);
  const places = copies.map(({ kind, offsite, state, verified }) => `${offsite ?? kind}: ${verified ?? state}`);
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
