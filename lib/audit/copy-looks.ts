import type { CopyLook } from '../model/overview.ts';
import type { PublishedRecord } from './published.ts';

/** What later records of a host say of a copy of one of its runs. */
export interface CopyFate {
  /** The newest look of `verify` that has read it; null where none is on record. */
  readonly look: CopyLook | null;
  /** Whether retention has removed it since. */
  readonly isRemoved: boolean;
}

/** A copy, as `fatesOf` names it. */
export function copyKey(run: string, kind: string, offsite: string | null): string {
  return `${run} ${kind} ${offsite ?? ''}`;
}

/** By `copyKey`: what the trusted `others` of one host say of its copies. The last record that speaks of a copy counts. */
export function fatesOf(others: readonly PublishedRecord[]): ReadonlyMap<string, CopyFate> {
  const fates = new Map<string, CopyFate>();
  for (const { record, trusted, finishedAt } of [...others].sort((a, b) => a.sequence - b.sequence)) {
    if (!trusted || record === null) continue;
    if (record.kind === 'prune') {
      for (const { kind, offsite, removed } of record.places)
        for (const run of removed) {
          const key = copyKey(run, kind, offsite);
          fates.set(key, { look: fates.get(key)?.look ?? null, isRemoved: true });
        }
    } else if (record.kind === 'verify') {
      for (const { kind, offsite, runs } of record.places)
        for (const { run, verdict, segments } of runs) {
          if (verdict === 'unread') continue;
          const read = segments !== null && segments.read < segments.total ? segments : null;
          const look = { at: finishedAt, verdict, sampled: read };
          fates.set(copyKey(run, kind, offsite), { look, isRemoved: false });
        }
    }
  }
  return fates;
}
