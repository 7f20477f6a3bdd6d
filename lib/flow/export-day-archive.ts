import type { Emit } from '../model/event.ts';
import type { Archive, DayArchive } from '../model/manifest.ts';
import { openRunFolders, type RunFolder } from '../storage/run-folders.ts';
import type { RunReader } from '../storage/run-reader.ts';
import { assertFolderWritable } from '../storage/store-guard.ts';
import { buildDayArchive } from './build-day-archive.ts';
import type { GrowingDayArchive } from './growing-day-archive.ts';
import type { PreparedRun } from './prepare-run.ts';
import { RECOVERY_FILE } from './run-files.ts';
import { runInstructions } from './run-instructions.ts';

/**
 * The export's folder of a run, complete but for its manifest. `facts` come when every archive is in the
 * store. Takes away what it has written when it fails.
 */
export async function exportDayArchive(
  prepared: PreparedRun,
  store: RunFolder,
  archives: readonly Promise<Archive>[],
  facts: Promise<Parameters<typeof runInstructions>[1]>,
  emit: Emit,
  signal: AbortSignal,
  onGrowing: (growing: GrowingDayArchive) => void,
): Promise<{ readonly dayArchive: DayArchive; readonly reader: RunReader }> {
  const { host, run, wrapped } = prepared;
  facts.catch(() => undefined); // awaited below, unless something else fails first
  await assertFolderWritable(host.export.path);
  const folder = await openRunFolders(host.export.path).beginRun(run);
  try {
    const dayArchive = await buildDayArchive(prepared, store, folder, archives, emit, signal, onGrowing);
    for (const { record, content } of wrapped) await folder.writeSmall(record.wrappedKey.file, content);
    await folder.writeSmall(RECOVERY_FILE, runInstructions('offsite', await facts));
    return { dayArchive, reader: folder.reader };
  } catch (error) {
    await folder.discard();
    throw error;
  }
}
