import { readStoppedAppliers } from '../database/applier-journal.ts';
import { asCoffreError, CoffreError } from '../model/error.ts';
import { followExport } from './follow-export.ts';
import { prepareAttempt } from './preflight.ts';
import type { PreparedRun } from './prepare-run.ts';
import { beginFolders, discardFolders, type LocalFolders } from './run-folders.ts';
import { asOwed } from './run-store.ts';
import type { RunUnderWay } from './run-under-way.ts';
import { type SealedRun, sealRun } from './seal-run.ts';

/**
 * A snapshot is of rows: what is defined anew before a dump comes to it makes that dump worthless, and another attempt,
 * a little later, is often all that it takes. For any other reason to fail there is no second one, but where the store has
 * gone. Nothing of the first is kept, not even what was learnt of the server, nor the passphrase.
 */
export async function sealPatiently(run: RunUnderWay, first: PreparedRun): Promise<SealedRun> {
  const { record, store, context } = run;
  const { attempts } = run.host.database.snapshot;
  for (let prepared = first, attempt = 1; ; attempt += 1) {
    const from = performance.now();
    try {
      return await seal(run, prepared, await beginFolders(run.host, record.run));
    } catch (error) {
      const failure = asCoffreError(error);
      const { signal } = context;
      const gone = signal.aborted ? undefined : await store.hasGone();
      if (gone) await store.goWithout(gone);
      else if (failure.code !== 'schema-changed' || attempt >= attempts || signal.aborted) throw error;
      await run.following?.abandon();
      run.following = undefined;
      // What lies in a store that has gone is removed by the next run that finds it.
      await discardFolders(run.host, record.run);
      if (gone) run.goOnWithout(gone);
      await record.giveUpAttempt(failure, Math.round(performance.now() - from));
    }
    prepared = await prepareAttempt(run);
  }
}

/** The upload of the day archive begins in here, beside the dumps. */
async function seal(run: RunUnderWay, prepared: PreparedRun, folders: LocalFolders): Promise<SealedRun> {
  const { record, context } = run;
  const sealed = await sealRun(prepared, record.draft, folders, context, (growing) => {
    run.following = followExport(run.host, record.run, growing, context);
  });
  record.draft = run.store.lost ? { ...sealed.draft, copies: sealed.draft.copies.map(asOwed) } : sealed.draft;
  if (sealed.exportError) record.owe('export', sealed.exportError, 'day-archive');
  return sealed;
}

/** The backup is good; but a replica that stands still is nothing to be found out by its lag. */
export async function oweReplication({ host, record }: RunUnderWay): Promise<void> {
  const stopped = await readStoppedAppliers(host.state.path);
  if (!stopped) return;
  const error = new CoffreError('replica-broken', 'the SQL thread could not be started again', {
    hint: 'look at Last_SQL_Error of: SHOW ALL SLAVES STATUS; then run: START ALL SLAVES;',
  });
  record.owe('replication', error, 'dump');
}
