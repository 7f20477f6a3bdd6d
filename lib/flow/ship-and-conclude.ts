import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Manifest, SignedManifest } from '../model/manifest.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { assertStoreMounted, assertStoreReadable } from '../storage/store-guard.ts';
import { conclude } from './conclude.ts';
import { deliverToStore } from './deliver-to-store.ts';
import { signedJournal } from './journal.ts';
import { owe, payDebts } from './owed.ts';
import { readBackExport } from './read-back-export.ts';
import { readBackStore } from './read-back-store.ts';
import { assertFoldersThere, closeFolders, writeClosing } from './run-folders.ts';
import type { RunUnderWay } from './run-under-way.ts';
import type { SealedRun } from './seal-run.ts';
import { shipToOffsites } from './ship-to-offsites.ts';

/** Ships what is left of a sealed run, then signs what has come of it, then gives everything its final name. */
export async function shipAndConclude(underWay: RunUnderWay, { source }: SealedRun): Promise<Manifest> {
  const { given, host, store, record, context } = underWay;
  const { run } = record;
  if (host.store.readBack) await readBackStore(host.store.path, record.draft, context);
  const stored = store.lost ? undefined : await deliverToStore(host, context);
  if (stored?.failed) record.owe(`store (${stored.failed.run})`, stored.failed.error, 'ship');
  const { deliveries, failed, strike } = await payDebts(given, context, store.lost);
  for (const { run, offsite, error } of failed) record.owe(`${offsite} (${run})`, error, 'ship');
  const shipments = await shipToOffsites(host, record.draft, source, underWay.following, context);
  try {
    for (const { offsite, error } of shipments.failed) record.owe(offsite, error, 'ship');
    const shipped = shipments.copies.some(({ state }) => state === 'complete');
    const local = await readBackExport(record.draft, source, shipped, context);
    if (local.damaged) {
      await openRunFolders(host.export.path).removePartial(run);
      record.owe('export', local.damaged, 'ship');
    }
    record.draft = {
      ...record.draft,
      deliveries: [...deliveries],
      ...(stored && stored.deliveries.length > 0 ? { storeDeliveries: [...stored.deliveries] } : {}),
      dayArchive: local.dayArchive,
      copies: [...local.copies, ...shipments.copies],
    };
    await assertStoreMounted(host.store);
    await store.assertHeld();
    await assertFoldersThere(host, run, local.dayArchive);
    const journal = record.journalAs('sealed');
    // All that needs room is written before the chain has the manifest: what is left to do is to rename.
    const signed = await conclude(host, record.draft, context.clock, async (signed) => {
      await writeClosing(host, signed);
      await record.writeJournal(signedJournal(journal, signed));
    });
    record.chained = true;
    await strike();
    await stored?.strike();
    for (const { offsite } of shipments.failed) await owe(host, { run, offsite });
    await closeFolders(host, signed);
    await proveStored(underWay, signed);
    for (const { offsite, error } of await shipments.finish(signed)) {
      record.owe(offsite, error, 'ship');
      await owe(host, { run, offsite });
    }
    await record.removeJournal();
    return signed.manifest;
  } finally {
    shipments.close();
  }
}

/** The run has its name. A volume that went away over that has it or not: its next verification tells. */
async function proveStored({ host, record }: RunUnderWay, { manifest }: SignedManifest): Promise<void> {
  try {
    await assertStoreReadable(host.store);
    await assertFoldersThere(host, manifest.run, manifest.dayArchive);
  } catch (error) {
    const { message, code } = asCoffreError(error);
    const hint = `see what is there: npx zx tasks/verify.ts --run ${manifest.run}`;
    record.owe('store', new CoffreError(code, message, { hint }), 'ship');
  }
}
