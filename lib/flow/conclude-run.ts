import { asCoffreError, CoffreError } from '../model/error.ts';
import type { SignedManifest } from '../model/manifest.ts';
import { assertFolderWritable, assertStoreMounted, assertStoreReadable } from '../storage/store-guard.ts';
import { conclude } from './conclude.ts';
import { signedJournal } from './journal.ts';
import { goOnWithoutExport, goOnWithoutStore } from './lost-places.ts';
import { assertFoldersThere, closeFolder, type LocalPlace, placesOf, writeClosing } from './run-folders.ts';
import type { RunUnderWay } from './run-under-way.ts';

/** Proves that every place has the run still, and goes on without the one that has not. */
export async function provePlaces(run: RunUnderWay): Promise<void> {
  const { record, store } = run;
  await assertFoldersThere(run.host, record.run, ['keys']);
  if (placesOf(record.draft).includes('export')) {
    try {
      await assertFolderWritable(run.host.export.path);
      await assertFoldersThere(run.host, record.run, ['export']);
    } catch (error) {
      await goOnWithoutExport(run, error);
    }
  }
  try {
    await assertStoreMounted(run.host.store);
    await store.assertHeld();
    await assertFoldersThere(run.host, record.run, ['store']);
  } catch (error) {
    await goOnWithoutStore(run, error);
  }
}

/** Gives the run its place in the chain. All that needs room is written before: what is left to do is to rename. */
export async function signRun(run: RunUnderWay): Promise<SignedManifest> {
  const { record, context, store } = run;
  for (;;) {
    const at: { place?: LocalPlace } = {};
    try {
      return await conclude(run.host, record.draft, context.clock, async (signed) => {
        for (const place of placesOf(signed.manifest)) {
          at.place = place;
          await writeClosing(run.host, signed, place);
        }
        delete at.place;
        await record.writeJournal(signedJournal(record.journalAs('sealed'), signed));
      });
    } catch (error) {
      if (at.place === 'export') await goOnWithoutExport(run, error);
      else if (at.place === 'store' && !store.lost) await goOnWithoutStore(run, error);
      else throw error;
    }
  }
}

/**
 * Gives a signed run its name at every place. Returns whether all have it: an export that does not take it is owed, and what
 * the journal says is enough for the next run to try again.
 */
export async function closeRun(run: RunUnderWay, { manifest }: SignedManifest): Promise<boolean> {
  const { record, store } = run;
  let all = true;
  for (const place of placesOf(manifest)) {
    try {
      await closeFolder(run.host, record.run, place);
    } catch (error) {
      if (place === 'store' && !store.lost) {
        await goOnWithoutStore(run, error);
        await closeFolder(run.host, record.run, place);
      } else if (place === 'export') {
        record.owe('export', asCoffreError(error), 'ship');
        all = false;
      } else throw error;
    }
  }
  await proveStored(run);
  return all;
}

/** The run has its name. A volume that went away over that has it or not: the next run that finds it compares. */
async function proveStored(run: RunUnderWay): Promise<void> {
  const { record, host } = run;
  try {
    await assertStoreReadable(host.store);
    await assertFoldersThere(host, record.run, ['store']);
  } catch (error) {
    try {
      await goOnWithoutStore(run, error);
      await closeFolder(run.host, record.run, 'store');
    } catch {
      const { message, code } = asCoffreError(error);
      const hint = `see what is there: npx zx tasks/verify.ts --run ${record.run}`;
      if (!run.store.lost) record.owe('store', new CoffreError(code, message, { hint }), 'ship');
    }
  }
}
