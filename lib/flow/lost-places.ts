import { asCoffreError } from '../model/error.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { linkDayArchive } from './link-day-archive.ts';
import { placesOf } from './run-folders.ts';
import { asOwed } from './run-store.ts';
import type { RunUnderWay } from './run-under-way.ts';
import { EXPORT_FAILURES } from './seal-run.ts';

/*
 * A run that is sealed is in its store and, as a rule, in the export too. Either is enough to recover from, so that it can do
 * without one of them, whenever that one breaks.
 */

/**
 * The store has broken after everything was in it: the day archive in the export is the run now, and the next run that finds
 * the store takes it there. Throws `error` where there is no whole export, or the run may not do without its store.
 */
export async function goOnWithoutStore(run: RunUnderWay, error: unknown): Promise<void> {
  const { given, store, record } = run;
  if (!placesOf(record.draft).includes('export')) throw error;
  await store.goWithout(error);
  await linkDayArchive(given, record.run);
  run.onlyInExport = true;
  run.goOnWithout(asCoffreError(error));
  if (!record.chained) record.draft = { ...record.draft, copies: record.draft.copies.map(asOwed) };
}

/**
 * The export has broken after the day archive was in it: it is owed, and the offsites that lack the run get it from the store.
 * Throws `error` where the export stands in for the store, or it says something else than that the export is broken.
 */
export async function goOnWithoutExport(run: RunUnderWay, error: unknown): Promise<void> {
  const { host, store, record, context } = run;
  context.signal.throwIfAborted();
  const failure = asCoffreError(error);
  if (store.lost || !EXPORT_FAILURES.includes(failure.code)) throw error;
  const { copies, dayArchive } = record.draft;
  const shipped = copies.some(({ kind, state }) => kind === 'offsite' && state === 'complete');
  const missing = { state: 'missing' as const, verified: null };
  record.draft = {
    ...record.draft,
    dayArchive: shipped ? dayArchive : null,
    copies: copies.map((copy) => (copy.kind === 'export' ? { ...copy, ...missing } : copy)),
  };
  record.owe('export', failure, 'ship');
  // What breaks may not be removed from, either: the next run that can clears it away.
  await openRunFolders(host.export.path)
    .removePartial(record.run)
    .catch(() => undefined);
}
