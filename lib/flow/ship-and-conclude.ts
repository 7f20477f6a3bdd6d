import { asCoffreError } from '../model/error.ts';
import type { Manifest } from '../model/manifest.ts';
import { openRunFolders } from '../storage/run-folders.ts';
import { closeRun, provePlaces, signRun } from './conclude-run.ts';
import { deliverToStore } from './deliver-to-store.ts';
import { signedJournal } from './journal.ts';
import { goOnWithoutStore } from './lost-places.ts';
import { owe, payDebts } from './owed.ts';
import { readBackExport } from './read-back-export.ts';
import { readBackStore } from './read-back-store.ts';
import type { RunUnderWay } from './run-under-way.ts';
import type { SealedRun } from './seal-run.ts';
import { shipToOffsites } from './ship-to-offsites.ts';

/** Ships what is left of a sealed run, then signs what has come of it, then gives everything its final name. */
export async function shipAndConclude(underWay: RunUnderWay, { source }: SealedRun): Promise<Manifest> {
  const { given, store, record, context } = underWay;
  const { run } = record;
  await readBack(underWay);
  const stored = store.lost ? undefined : await deliverToStore(given, context);
  if (stored?.failed) record.owe(`store (${stored.failed.run})`, stored.failed.error, 'ship');
  const { deliveries, failed, strike } = await payDebts(given, context, store.lost);
  for (const { run, offsite, error } of failed) record.owe(`${offsite} (${run})`, error, 'ship');
  const shipments = await shipToOffsites(given, record.draft, source, underWay.following, context);
  try {
    for (const { offsite, error } of shipments.failed) record.owe(offsite, error, 'ship');
    const shipped = shipments.copies.some(({ state }) => state === 'complete');
    const local = await readBackExport(record.draft, source, shipped, context);
    if (local.damaged) {
      if (underWay.onlyInExport) throw local.damaged;
      await openRunFolders(given.export.path)
        .removePartial(run)
        .catch(() => undefined); // the next run that can does it
      record.owe('export', local.damaged, 'ship');
    }
    record.draft = {
      ...record.draft,
      deliveries: [...deliveries],
      ...(stored && stored.deliveries.length > 0 ? { storeDeliveries: [...stored.deliveries] } : {}),
      dayArchive: local.dayArchive,
      copies: [...local.copies, ...shipments.copies],
    };
    await provePlaces(underWay);
    const signed = await signRun(underWay);
    record.chained = true;
    await strike();
    await stored?.strike().catch((error: unknown) => record.owe('export', asCoffreError(error), 'ship'));
    for (const { offsite } of shipments.failed) await owe(given, { run, offsite });
    const closed = await closeRun(underWay, signed);
    for (const { offsite, error } of await shipments.finish(signed)) {
      record.owe(offsite, error, 'ship');
      await owe(given, { run, offsite });
    }
    if (closed) await record.removeJournal();
    else await record.writeJournal({ ...signedJournal(record.journalAs('sealed'), signed), owesExport: true });
    return signed.manifest;
  } finally {
    shipments.close();
  }
}

/** Where the inventory asks for it. */
async function readBack(underWay: RunUnderWay): Promise<void> {
  const { host, record, context } = underWay;
  if (!host.store.readBack) return;
  try {
    await readBackStore(host.store.path, record.draft, context);
  } catch (error) {
    if (asCoffreError(error).code === 'verification-failed') throw error;
    await goOnWithoutStore(underWay, error);
  }
}
