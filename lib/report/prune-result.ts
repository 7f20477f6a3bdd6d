import { ERRORS, type ErrorCode } from '../model/error.ts';
import { formatBytes } from './format.ts';
import { formatTable, onOneLine } from './table.ts';

type Reason =
  | { readonly kind: 'daily' | 'weekly' | 'monthly' | 'yearly'; readonly of: string }
  | { readonly kind: 'newest' | 'newest-verified' | 'future' | 'misdated' }
  | { readonly kind: 'last-for'; readonly recipient: string }
  | { readonly kind: 'owed'; readonly to: string };

interface Pruned {
  readonly place: string;
  readonly byOwner: boolean;
  readonly runs: readonly { readonly run: string; readonly sealedBytes: number; readonly reasons: readonly Reason[] }[];
  readonly untrusted: readonly { readonly run: string; readonly why: string }[];
  readonly removed: readonly string[];
  readonly error: { readonly message: string; readonly hint: string | undefined } | null;
}

/** What becomes of each run at each place, and why, for a person: the newest first, as one looks for them. */
export function formatPrune(places: readonly Pruned[], dryRun: boolean): string {
  if (places.length === 0)
    return 'nothing is ever removed: the inventory names no retention for any place of this host';
  return places.map((place) => formatPlace(place, dryRun)).join('\n\n');
}

function formatPlace({ place, byOwner, runs, untrusted, removed, error }: Pruned, dryRun: boolean): string {
  const going = runs.filter(({ reasons }) => reasons.length === 0);
  const rows = [...runs]
    .reverse()
    .map(({ run, sealedBytes, reasons }) => [
      run,
      formatBytes(sealedBytes),
      byOwner && reasons.length === 0 ? 'FOR ITS OWNER TO REMOVE' : wordsOf(reasons, removed.includes(run), dryRun),
    ]);
  const freed = formatBytes(going.reduce((bytes, { sealedBytes }) => bytes + sealedBytes, 0));
  const what = byOwner
    ? `${going.length} for its owner to remove (${freed})`
    : dryRun
      ? `${going.length} would go (${freed})`
      : `${removed.length} removed of ${going.length} (${freed})`;
  return [
    `${place}: ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}, ${runs.length - going.length} stay, ${what}`,
    ...(rows.length > 0 ? [formatTable(['run', 'sealed', 'stays as'], rows)] : []),
    ...untrusted.map(({ run, why }) => `left alone, and not counted: ${run}: ${onOneLine(why)}`),
    ...(error ? [`error: ${onOneLine(error.message)}`, ...(error.hint ? [`hint: ${onOneLine(error.hint)}`] : [])] : []),
  ].join('\n');
}

function wordsOf(reasons: readonly Reason[], isRemoved: boolean, dryRun: boolean): string {
  if (reasons.length === 0) return isRemoved ? 'REMOVED' : dryRun ? 'GOES' : 'TO GO, STILL THERE';
  return reasons.map(word).join(', ');
}

function word(reason: Reason): string {
  switch (reason.kind) {
    case 'daily':
      return `day ${reason.of}`;
    case 'weekly':
      return `week ${reason.of}`;
    case 'monthly':
      return `month ${reason.of}`;
    case 'yearly':
      return `year ${reason.of}`;
    case 'newest':
      return 'newest';
    case 'newest-verified':
      return 'newest verified';
    case 'last-for':
      return `last that ${reason.recipient} opens`;
    case 'owed':
      return `owed to ${reason.to}`;
    case 'future':
      return 'NOT COUNTED: by its name it is of the future';
    case 'misdated':
      return 'NOT COUNTED: by its name it is of another time than its place in the chain';
  }
}

/** 0, or that of the first place that could not be looked at or cleared. */
export function pruneExit(places: readonly { readonly error: { readonly code: ErrorCode } | null }[]): number {
  const [failed] = places.flatMap(({ error }) => error ?? []);
  return failed ? ERRORS[failed.code].exit : 0;
}
