import type { ErrorCode } from '../model/error.ts';
import type { HostMemory } from '../model/host-memory.ts';
import type { News } from '../model/news.ts';
import type { BackupResult } from './backup.ts';
import type { PlacePrune } from './prune-order.ts';
import type { PlaceVerdict } from './verify.ts';
import { isBadCopy } from './verify.ts';

interface NightEnd {
  readonly event: News['event'];
  readonly facts: Partial<News>;
  readonly at: Date;
  readonly durationMs: number;
  /** What came after the run itself. */
  readonly after: readonly { readonly name: string; readonly durationMs: number }[];
}

/** What a host remembers of a night with a good run. */
export function afterNight(
  { manifest, phases }: BackupResult,
  { after, event, facts, at, durationMs }: NightEnd,
): HostMemory {
  const { run, archives, dayArchive, snapshot, copies } = manifest;
  const sum = (of: 'plainBytes' | 'sealedBytes') => archives.reduce((bytes, archive) => bytes + archive[of], 0);
  return {
    latest: {
      finishedAt: at.toISOString(),
      outcome: event === 'owed' || event === 'failure' ? event : 'success',
      code: facts.code ?? null,
      durationMs,
    },
    succeeded: {
      run,
      phases: [...phases, ...after],
      databases: archives.flatMap(({ database, plainBytes, sealedBytes }) =>
        database === null ? [] : [{ name: database, plainBytes, sealedBytes }],
      ),
      plainBytes: sum('plainBytes'),
      sealedBytes: dayArchive?.sealedBytes ?? sum('sealedBytes'),
      heldMs: snapshot?.heldMs ?? null,
      copies: copies.map(({ kind, offsite, state }) => ({ place: offsite ?? kind, complete: state === 'complete' })),
    },
  };
}

/** Of one that left nothing to restore from: another run that was under way is no failure of this one. */
export function afterFailure(code: ErrorCode, at: Date, durationMs: number): HostMemory {
  const outcome = code === 'locked' ? 'skipped' : 'failure';
  return { latest: { finishedAt: at.toISOString(), outcome, code, durationMs } };
}

export function afterLook(places: readonly PlaceVerdict[], at: Date): HostMemory {
  const copies = places.flatMap((place) => place.copies);
  const bad = copies.filter(isBadCopy).length;
  const unread = copies.filter(({ kind }) => kind === 'unread').length;
  const lost = places.filter(({ error, copies }) => error !== null && copies.length === 0).length;
  const whole = copies.length - bad - unread;
  return { looked: { finishedAt: at.toISOString(), whole, bad, unread: unread + lost } };
}

export function afterPrune(places: readonly PlacePrune[]): HostMemory {
  return {
    kept: places
      .filter(({ runs, untrusted }) => runs.length + untrusted.length > 0)
      .map(({ place, runs, untrusted, removed }) => ({ place, runs: runs.length + untrusted.length - removed.length })),
  };
}
